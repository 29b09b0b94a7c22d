//! Ways out, and what is left of a session after them.

use cognito_client::{
    Error, RefreshToken, Secret, SessionState, SignInReason, SignOut, SignOutScope,
};

use super::World;

impl World {
    pub async fn out(&self, scope: SignOutScope) -> SignOut {
        let signed_out = self.session.sign_out(scope).await.unwrap();
        assert_eq!(self.state(), SessionState::SignedOut);
        assert!(!self.is_kept());
        assert!(matches!(
            self.session.access_token().await,
            Err(Error::SignInRequired(SignInReason::SignedOut))
        ));
        assert_eq!(
            self.session.status().revocation_owed,
            signed_out.revocation_owed
        );
        assert_eq!(self.owes(), signed_out.revocation_owed);
        signed_out
    }

    pub fn owed_key(&self) -> String {
        format!("{}, owed", self.session.profile().session_key())
    }

    pub fn owes(&self) -> bool {
        self.store.load(&self.owed_key()).unwrap().is_some()
    }

    /// What is kept of the session, for another computer or another time.
    pub fn kept(&self) -> Secret {
        let key = self.session.profile().session_key();
        self.store.load(&key).unwrap().unwrap()
    }

    /// The session as it is goes on on another computer, and here nobody is signed in.
    pub async fn leave_on_another_device(&mut self) -> Secret {
        let kept = self.kept();
        let key = self.session.profile().session_key();
        self.store.delete(&key).unwrap();
        self.restart();
        self.session.restore().await;
        assert_eq!(self.state(), SessionState::SignedOut);
        kept
    }

    /// Whether the user pool still renews what was kept.
    pub async fn is_alive(&self, kept: &Secret) -> bool {
        let kept: serde_json::Value = serde_json::from_slice(kept).unwrap();
        let token = RefreshToken::new(kept["refresh"].as_str().unwrap());
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.session.profile().client_id),
            ("refresh_token", token.expose()),
        ];
        let url = format!("{}/oauth2/token", self.emulator.domain());
        let answer = reqwest::Client::new().post(url).form(&form).send().await;
        answer.unwrap().status().is_success()
    }
}
