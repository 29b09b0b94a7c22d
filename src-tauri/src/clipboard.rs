//! AWS credentials on the system's clipboard: kept out of its history where there is one, and gone after a minute.
//! Links to files go there too, and stay.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cognito_client::Clock;
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

/// The system's clipboard, as far as it is needed. Calls may block.
pub trait Board: Send {
    /// Puts a secret there, not to be remembered or sent to other devices.
    ///
    /// # Errors
    /// The system's reason.
    fn put(&mut self, secret: &str) -> Result<(), String>;
    /// Whether it is there still, as far as can be told: where the system does not say, it may be.
    fn holds(&mut self, secret: &str) -> bool;
    /// Leaves nothing there.
    fn empty(&mut self);
}

/// Puts secrets on a [`Board`], and takes them away again.
pub struct Clipboard {
    held: Arc<Mutex<Held>>,
    clock: Arc<dyn Clock>,
}

struct Held {
    board: Box<dyn Board>,
    /// What was put there last and not taken away yet.
    ours: Option<Ours>,
    /// How often something was put there.
    copies: u64,
}

struct Ours {
    secret: Zeroizing<String>,
    copy: u64,
    /// Will take it away.
    clearing: AbortHandle,
}

impl Clipboard {
    /// How long a secret stays: enough to paste it.
    pub(crate) const STAYS: Duration = Duration::from_secs(60);

    /// Over this board, by this clock.
    pub fn new(board: impl Board + 'static, clock: Arc<dyn Clock>) -> Self {
        let held = Held {
            board: Box::new(board),
            ours: None,
            copies: 0,
        };
        Self {
            held: Arc::new(Mutex::new(held)),
            clock,
        }
    }

    /// Puts a secret on the clipboard for a minute, and says until when. What was copied before is not
    /// taken care of any more: it is not there any more.
    ///
    /// # Errors
    /// The system's reason.
    pub(crate) async fn copy(&self, secret: Zeroizing<String>) -> Result<SystemTime, String> {
        let until = self.clock.now() + Self::STAYS;
        let over = self.clock.sleep_until(until);
        let held = self.held.clone();
        blocking(self.held.clone(), move |now| {
            if let Some(former) = now.ours.take() {
                former.clearing.abort();
            }
            now.board.put(&secret)?;
            now.copies += 1;
            let copy = now.copies;
            let clearing = tokio::spawn(async move {
                over.await;
                blocking(held, move |then| {
                    // One that was put there at the last moment has a minute of its own.
                    if then.ours.as_ref().is_some_and(|ours| ours.copy == copy) {
                        then.clear();
                    }
                })
                .await;
            });
            now.ours = Some(Ours {
                secret,
                copy,
                clearing: clearing.abort_handle(),
            });
            Ok(until)
        })
        .await
    }

    /// Puts a text there that stays: the person passes it on.
    ///
    /// # Errors
    /// The system's reason.
    pub(crate) async fn keep(&self, text: Zeroizing<String>) -> Result<(), String> {
        blocking(self.held.clone(), move |now| {
            if let Some(former) = now.ours.take() {
                former.clearing.abort();
            }
            now.board.put(&text)
        })
        .await
    }

    /// Takes away what was put there, if it is there still: the app ends.
    pub(crate) fn clear(&self) {
        lock(&self.held).clear();
    }
}

impl Held {
    fn clear(&mut self) {
        let Some(ours) = self.ours.take() else {
            return;
        };
        ours.clearing.abort();
        // The person may have copied something else since; that is theirs.
        if self.board.holds(&ours.secret) {
            self.board.empty();
        }
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Other programs are asked for what is on the clipboard, and may take their time.
async fn blocking<T: Send + 'static>(
    held: Arc<Mutex<Held>>,
    what: impl FnOnce(&mut Held) -> T + Send + 'static,
) -> T {
    let done = tokio::task::spawn_blocking(move || what(&mut lock(&held))).await;
    done.expect("the clipboard's own code does not panic")
}

/// The real one. It is opened when it is first needed and then stays: on Linux what is copied is there only
/// as long as its owner.
#[derive(Default)]
pub(crate) struct SystemBoard(Option<arboard::Clipboard>);

impl Board for SystemBoard {
    fn put(&mut self, secret: &str) -> Result<(), String> {
        let open = match &mut self.0 {
            Some(open) => open,
            none => none.insert(arboard::Clipboard::new().map_err(|error| error.to_string())?),
        };
        not_remembered(open.set())
            .text(secret)
            .map_err(|error| error.to_string())
    }

    fn holds(&mut self, secret: &str) -> bool {
        match self.0.as_mut().map(arboard::Clipboard::get_text) {
            Some(Ok(text)) => *Zeroizing::new(text) == secret,
            // Nothing, a picture, or text that is none.
            None
            | Some(Err(arboard::Error::ContentNotAvailable | arboard::Error::ConversionFailure)) => {
                false
            }
            Some(Err(_)) => true,
        }
    }

    fn empty(&mut self) {
        if let Some(Err(error)) = self.0.as_mut().map(arboard::Clipboard::clear) {
            tracing::warn!(%error, "the clipboard was not emptied");
        }
    }
}

/// By what each system's clipboard histories go by: KDE's hint on Linux, which others follow too; the
/// pasteboard's concealed type on macOS; history and cloud of Windows.
fn not_remembered(set: arboard::Set<'_>) -> arboard::Set<'_> {
    #[cfg(target_os = "linux")]
    return arboard::SetExtLinux::exclude_from_history(set);
    #[cfg(target_os = "macos")]
    return arboard::SetExtApple::exclude_from_history(set);
    #[cfg(windows)]
    return arboard::SetExtWindows::exclude_from_monitoring(set);
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;

    use tokio::sync::watch;

    use super::*;

    /// A clipboard that everybody may use.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Option<String>>>);

    impl Shared {
        fn now(&self) -> Option<String> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Board for Shared {
        fn put(&mut self, secret: &str) -> Result<(), String> {
            if secret == "refused" {
                return Err("no".into());
            }
            *self.0.lock().unwrap() = Some(secret.to_owned());
            Ok(())
        }

        fn holds(&mut self, secret: &str) -> bool {
            self.now().as_deref() == Some(secret)
        }

        fn empty(&mut self) {
            *self.0.lock().unwrap() = None;
        }
    }

    /// Moved by hand.
    struct Hand(watch::Sender<SystemTime>);

    impl Hand {
        fn new() -> Arc<Self> {
            Arc::new(Self(watch::Sender::new(SystemTime::UNIX_EPOCH)))
        }

        fn advance(&self, seconds: u64) {
            self.0
                .send_modify(|now| *now += Duration::from_secs(seconds));
        }
    }

    impl cognito_verifier::Clock for Hand {
        fn now(&self) -> SystemTime {
            *self.0.borrow()
        }
    }

    impl Clock for Hand {
        fn sleep_until(&self, moment: SystemTime) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let mut now = self.0.subscribe();
            Box::pin(async move {
                now.wait_for(|now| *now >= moment).await.ok();
            })
        }
    }

    fn stage() -> (Shared, Arc<Hand>, Clipboard) {
        let (board, clock) = (Shared::default(), Hand::new());
        let clipboard = Clipboard::new(board.clone(), clock.clone());
        (board, clock, clipboard)
    }

    async fn copy(clipboard: &Clipboard, text: &str) -> Result<SystemTime, String> {
        clipboard.copy(Zeroizing::new(text.to_owned())).await
    }

    /// Waits for whatever has been set off to end.
    async fn until_taken_away(clipboard: &Clipboard) {
        while lock(&clipboard.held).ours.is_some() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_copy_goes_after_a_minute() {
        let (board, clock, clipboard) = stage();
        let until = copy(&clipboard, "secret").await.unwrap();
        assert_eq!(until, SystemTime::UNIX_EPOCH + Clipboard::STAYS);
        assert_eq!(board.now().as_deref(), Some("secret"));
        clock.advance(59);
        tokio::task::yield_now().await;
        assert_eq!(board.now().as_deref(), Some("secret"));
        clock.advance(1);
        until_taken_away(&clipboard).await;
        assert_eq!(board.now(), None);
    }

    #[tokio::test]
    async fn what_the_person_copied_since_stays() {
        let (mut board, clock, clipboard) = stage();
        copy(&clipboard, "secret").await.unwrap();
        board.put("a recipe").unwrap();
        clock.advance(60);
        until_taken_away(&clipboard).await;
        assert_eq!(board.now().as_deref(), Some("a recipe"));
    }

    #[tokio::test]
    async fn a_newer_copy_has_a_minute_of_its_own() {
        let (board, clock, clipboard) = stage();
        copy(&clipboard, "secret").await.unwrap();
        clock.advance(50);
        // The same once more, which the first one's end must not take away.
        copy(&clipboard, "secret").await.unwrap();
        clock.advance(59);
        tokio::task::yield_now().await;
        assert_eq!(board.now().as_deref(), Some("secret"));
        clock.advance(1);
        until_taken_away(&clipboard).await;
        assert_eq!(board.now(), None);
    }

    #[tokio::test]
    async fn what_is_passed_on_stays() {
        let (board, clock, clipboard) = stage();
        copy(&clipboard, "secret").await.unwrap();
        clipboard.keep("link".to_owned().into()).await.unwrap();
        clock.advance(60);
        tokio::task::yield_now().await;
        clipboard.clear();
        assert_eq!(board.now().as_deref(), Some("link"));
    }

    #[tokio::test]
    async fn at_the_end_nothing_is_left() {
        let (board, _, clipboard) = stage();
        copy(&clipboard, "secret").await.unwrap();
        clipboard.clear();
        assert_eq!(board.now(), None);
        clipboard.clear();
    }

    #[tokio::test]
    async fn what_cannot_be_copied_is_told_and_leaves_nothing_behind() {
        let (board, _, clipboard) = stage();
        assert_eq!(copy(&clipboard, "refused").await, Err("no".to_owned()));
        assert!(lock(&clipboard.held).ours.is_none());
        assert_eq!(board.now(), None);
    }
}
