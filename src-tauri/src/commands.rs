//! What the web view may ask for: thin words over [`Keyfob`]. `permissions/` says which window may.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands commands their arguments by value"
)]

mod access;
mod files;
mod profiles;
mod session;
mod usage;

use std::sync::Arc;

use tauri::{Builder, Runtime, State};

use crate::Keyfob;
use crate::view::CommandError;

type Shared<'a> = State<'a, Arc<Keyfob>>;
type Answer<T> = Result<T, CommandError>;

/// Adds the commands to an app that manages an `Arc<Keyfob>`.
pub fn commands<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder.invoke_handler(tauri::generate_handler![
        session::watch,
        session::ready,
        session::sign_in,
        session::complete_sign_in,
        session::cancel_sign_in,
        session::dismiss_problem,
        session::retry,
        session::sign_out,
        usage::call_api,
        usage::aws_identity,
        usage::list_functions,
        usage::invoke_function,
        usage::stop_waiting,
        access::watch_access,
        access::answer_programs,
        access::aws_roles,
        access::choose_role,
        access::copy_credentials,
        access::plan_aws_config,
        access::apply_aws_config,
        files::file_folders,
        files::list_files,
        files::create_folder,
        files::rename_file,
        files::keeps_versions,
        files::delete_files,
        files::stop_changes,
        files::undo_delete,
        files::preview_file,
        files::share_file,
        files::upload_files,
        files::download_files,
        files::fetch_to_drag,
        files::drag_out,
        files::watch_transfers,
        files::pause_transfer,
        files::resume_transfer,
        files::cancel_transfer,
        files::answer_transfer,
        files::clear_transfers,
        files::show_transfer,
        files::watch_drops,
        files::accept_drops,
        profiles::switch_profile,
        profiles::preview_profile,
        profiles::add_profile,
        profiles::rename_profile,
        profiles::remove_profile,
    ])
}
