//! Dragging files out of the window, by the system's own drag and drop.

use std::path::PathBuf;

use tauri::{Runtime, WebviewWindow};
use tokio::sync::mpsc;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Window(#[from] tauri::Error),
    #[cfg(not(target_os = "linux"))]
    #[error("{0}")]
    System(String),
    #[error("nothing was begun, or the window is gone")]
    Nothing,
}

/// Puts files and folders under the pointer, whose button has to be held; resolves when it is over, with whether somebody
/// has taken them.
pub(crate) async fn out<R: Runtime>(
    window: &WebviewWindow<R>,
    paths: Vec<PathBuf>,
) -> Result<bool, Error> {
    let (ended, mut end) = mpsc::unbounded_channel();
    let dragged = window.clone();
    window.run_on_main_thread(move || {
        let told = ended.clone();
        let begun = begin(&dragged, paths, move |taken| drop(told.send(Ok(taken))));
        if let Err(error) = begun {
            drop(ended.send(Err(error)));
        }
    })?;
    end.recv().await.unwrap_or(Err(Error::Nothing))
}

/// GTK 3, "Drag and Drop": the window is the source until the end is told, after whoever takes it has asked for it.
#[cfg(target_os = "linux")]
fn begin<R: Runtime>(
    window: &WebviewWindow<R>,
    paths: Vec<PathBuf>,
    ended: impl Fn(bool) + 'static,
) -> Result<(), Error> {
    use gtk::gdk::DragAction;
    use gtk::glib::{Propagation, SignalHandlerId};
    use gtk::prelude::*;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    const PRIMARY_BUTTON: i32 = 1;

    let window = window.gtk_window()?;
    let uris: Vec<_> = paths
        .into_iter()
        .filter_map(|path| Some(url::Url::from_file_path(path).ok()?.to_string()))
        .collect();
    let taken = Rc::new(Cell::new(true));
    let handlers: Rc<RefCell<Vec<SignalHandlerId>>> = Rc::default();
    let (failed, all) = (taken.clone(), handlers.clone());
    handlers.borrow_mut().extend([
        window.connect_drag_data_get(move |_, _, data, _, _| {
            data.set_uris(&uris.iter().map(String::as_str).collect::<Vec<_>>());
        }),
        window.connect_drag_failed(move |_, _, _| {
            failed.set(false);
            Propagation::Proceed
        }),
        window.connect_drag_end(move |window, _| {
            for handler in all.take() {
                window.disconnect(handler);
            }
            ended(taken.get());
        }),
    ]);
    let kinds = gtk::TargetList::new(&[]);
    kinds.add_uri_targets(0);
    // Without an event: where the pointer is now.
    let begun =
        window.drag_begin_with_coordinates(&kinds, DragAction::COPY, PRIMARY_BUTTON, None, -1, -1);
    if begun.is_some() {
        return Ok(());
    }
    for handler in handlers.take() {
        window.disconnect(handler);
    }
    Err(Error::Nothing)
}

#[cfg(not(target_os = "linux"))]
fn begin<R: Runtime>(
    window: &WebviewWindow<R>,
    paths: Vec<PathBuf>,
    ended: impl Fn(bool) + Send + 'static,
) -> Result<(), Error> {
    use drag::{DragItem, DragResult, Image, Options};

    /// What is under the pointer meanwhile.
    const PICTURE: &[u8] = include_bytes!("../icons/32x32.png");

    let (item, picture) = (DragItem::Files(paths), Image::Raw(PICTURE.to_vec()));
    let ended = move |result, _| ended(matches!(result, DragResult::Dropped));
    let begun = drag::start_drag(window, item, picture, ended, Options::default());
    // The system's own error may belong to this thread.
    begun.map_err(|error| Error::System(error.to_string()))
}
