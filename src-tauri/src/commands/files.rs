//! The person's files, transfers, and what is dropped onto the window.

use std::path::PathBuf;

use tauri::ipc::Channel;
use tauri::{Manager, Runtime, WebviewWindow};
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder, FilePath};
use tauri_plugin_opener::OpenerExt;

use super::{Answer, Shared};
use crate::drag;
use crate::view::{
    CommandError, Conflict, DeletedView, DropTarget, DropView, ErrorCode, FileFolderView,
    FilePreviewView, FileView, FilesPageView, ListedView, ProgressView, TransferView,
};

#[tauri::command]
pub(super) async fn file_folders(keyfob: Shared<'_>) -> Answer<Vec<FileFolderView>> {
    keyfob.file_folders().await
}

#[tauri::command]
pub(super) async fn list_files(
    keyfob: Shared<'_>,
    folder: usize,
    path: String,
    words: Option<String>,
    channel: Channel<FilesPageView>,
) -> Answer<ListedView> {
    let tell = |page| drop(channel.send(page));
    keyfob
        .list_files(folder, &path, words.as_deref(), tell)
        .await
}

#[tauri::command]
pub(super) async fn create_folder(keyfob: Shared<'_>, folder: usize, path: String) -> Answer<()> {
    keyfob.create_folder(folder, &path).await
}

#[tauri::command]
pub(super) async fn rename_file(
    keyfob: Shared<'_>,
    folder: usize,
    from: String,
    to: String,
    conflict: Conflict,
    channel: Channel<ProgressView>,
) -> Answer<String> {
    let tell = |progress| drop(channel.send(progress));
    keyfob.rename_file(folder, &from, &to, conflict, tell).await
}

#[tauri::command]
pub(super) async fn keeps_versions(keyfob: Shared<'_>, folder: usize) -> Answer<Option<bool>> {
    keyfob.keeps_versions(folder).await
}

#[tauri::command]
pub(super) async fn delete_files(
    keyfob: Shared<'_>,
    folder: usize,
    paths: Vec<String>,
    channel: Channel<ProgressView>,
) -> Answer<DeletedView> {
    let tell = |progress| drop(channel.send(progress));
    keyfob.delete_files(folder, &paths, tell).await
}

#[tauri::command]
pub(super) fn stop_changes(keyfob: Shared<'_>) {
    keyfob.stop_changes();
}

#[tauri::command]
pub(super) async fn undo_delete(keyfob: Shared<'_>, undo: u32) -> Answer<()> {
    keyfob.undo_delete(undo).await
}

#[tauri::command]
pub(super) async fn preview_file(
    keyfob: Shared<'_>,
    folder: usize,
    path: String,
) -> Answer<FilePreviewView> {
    keyfob.preview_file(folder, &path).await
}

/// Copies a link, and answers when it dies.
#[tauri::command]
pub(super) async fn share_file(keyfob: Shared<'_>, folder: usize, path: String) -> Answer<u64> {
    keyfob.share_file(folder, &path).await
}

/// Has the person choose files, or folders, and begins to upload them; answers how many, 0 when they thought
/// better of it.
#[tauri::command]
pub(super) async fn upload_files<R: Runtime>(
    window: WebviewWindow<R>,
    keyfob: Shared<'_>,
    folder: usize,
    path: String,
    folders: bool,
) -> Answer<usize> {
    // Before the person is asked: another profile may be the current one when they have answered.
    let folder = keyfob.s3_folder(folder).await?;
    let chosen = ask(&window, |dialog, answer| match folders {
        true => dialog.set_title("Upload folders").pick_folders(answer),
        false => dialog.set_title("Upload files").pick_files(answer),
    })
    .await;
    folder.upload(&path, &chosen).await
}

/// Begins to download into the Downloads folder, or one that the person chooses first; answers how many, 0 when
/// they thought better of it.
#[tauri::command]
pub(super) async fn download_files<R: Runtime>(
    window: WebviewWindow<R>,
    keyfob: Shared<'_>,
    folder: usize,
    paths: Vec<String>,
    choose: bool,
) -> Answer<usize> {
    let folder = keyfob.s3_folder(folder).await?;
    let downloads = window.path().download_dir().ok();
    // As in browsers, what is there already stays in the Downloads folder.
    let (into, conflict) = match downloads.filter(|_| !choose) {
        Some(downloads) => (Some(downloads), Conflict::KeepBoth),
        None => {
            let pick = |dialog: FileDialogBuilder<R>, answer: Chosen| {
                dialog
                    .set_title("Download into")
                    .pick_folder(|folder| answer(folder.map(|folder| vec![folder])));
            };
            (ask(&window, pick).await.pop(), Conflict::Ask)
        }
    };
    let Some(into) = into else { return Ok(0) };
    folder.download(&paths, &into, conflict).await
}

/// Downloads what is to be dragged; answers by which number, or nothing where that was cancelled or has failed.
#[tauri::command]
pub(super) async fn fetch_to_drag(
    keyfob: Shared<'_>,
    folder: usize,
    files: Vec<FileView>,
) -> Answer<Option<u32>> {
    keyfob.fetch_to_drag(folder, files).await
}

/// Puts it under the pointer, whose button is held; answers whether somebody has taken it, once it is let go.
#[tauri::command]
pub(super) async fn drag_out<R: Runtime>(
    window: WebviewWindow<R>,
    keyfob: Shared<'_>,
    number: u32,
) -> Answer<bool> {
    let paths = keyfob.to_drag(number).await?;
    let taken = drag::out(&window, paths).await.map_err(|error| {
        tracing::warn!(%error, "nothing is dragged");
        CommandError {
            code: ErrorCode::Unexpected,
            message: "It cannot be dragged out of this window.".into(),
            remedy: "Use Download.".into(),
        }
    })?;
    if taken {
        keyfob.dragged_out(number).await;
    }
    Ok(taken)
}

type Chosen = Box<dyn FnOnce(Option<Vec<FilePath>>) + Send>;

/// What the person chooses in a dialog of the system's.
async fn ask<R: Runtime>(
    window: &WebviewWindow<R>,
    pick: impl FnOnce(FileDialogBuilder<R>, Chosen),
) -> Vec<PathBuf> {
    let (chosen, answer) = tokio::sync::oneshot::channel();
    let dialog = window.dialog().file().set_parent(window);
    pick(
        dialog,
        Box::new(|paths| drop(chosen.send(paths.unwrap_or_default()))),
    );
    let paths = answer.await.unwrap_or_default().into_iter();
    paths.filter_map(|path| path.into_path().ok()).collect()
}

#[tauri::command]
pub(super) async fn watch_transfers(
    keyfob: Shared<'_>,
    channel: Channel<Vec<TransferView>>,
) -> Answer<()> {
    let tell = move |transfers| channel.send(transfers).is_ok();
    keyfob.inner().watch_transfers(tell);
    Ok(())
}

#[tauri::command]
pub(super) async fn pause_transfer(keyfob: Shared<'_>, id: u64) -> Answer<()> {
    keyfob.pause_transfer(id).await
}

#[tauri::command]
pub(super) async fn resume_transfer(keyfob: Shared<'_>, id: u64) -> Answer<()> {
    keyfob.resume_transfer(id).await
}

#[tauri::command]
pub(super) async fn cancel_transfer(keyfob: Shared<'_>, id: u64) -> Answer<()> {
    keyfob.cancel_transfer(id).await
}

#[tauri::command]
pub(super) async fn answer_transfer(keyfob: Shared<'_>, id: u64, conflict: Conflict) -> Answer<()> {
    keyfob.answer_transfer(id, conflict).await
}

#[tauri::command]
pub(super) async fn clear_transfers(keyfob: Shared<'_>) -> Answer<()> {
    keyfob.clear_transfers().await
}

/// Opens the folder a download has gone into, in the system's file manager.
#[tauri::command]
pub(super) async fn show_transfer<R: Runtime>(
    window: WebviewWindow<R>,
    keyfob: Shared<'_>,
    id: u64,
) -> Answer<()> {
    let folder = keyfob.transfer_folder(id).await?;
    let opened = window
        .opener()
        .open_path(folder.to_string_lossy(), None::<&str>);
    opened.map_err(|error| {
        tracing::warn!(%error, "the folder is not shown");
        CommandError {
            code: ErrorCode::Unexpected,
            message: "The folder could not be opened.".into(),
            remedy: "Open it in your file manager.".into(),
        }
    })
}

#[tauri::command]
pub(super) fn watch_drops(keyfob: Shared<'_>, channel: Channel<DropView>) {
    keyfob.watch_drops(move |drop| {
        if let Err(error) = channel.send(drop) {
            tracing::warn!(%error, "the page is not told of a drop");
        }
    });
}

#[tauri::command]
pub(super) fn accept_drops(keyfob: Shared<'_>, target: DropTarget) {
    keyfob.accept_drops(target);
}
