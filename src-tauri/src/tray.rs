//! The tray: the state at a glance, and signing in and out without the window.
//!
//! Where the desktop has no tray, closing the window must end the app: it could not be had back. So the
//! window is only hidden while somebody shows the icon, and that is asked each time.

mod glance;
mod icon;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{Timestamp, tz::TimeZone};
use tauri::menu::{IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Window, Wry};

use self::glance::{Action, Glance, Line};
use crate::window::to_front;
use crate::{Keyfob, act};

/// The icon, once there is one, and what it shows.
#[derive(Default)]
pub(crate) struct Tray(Mutex<Option<(TrayIcon, Glance)>>);

/// What the menu items are called: these, or one of the two verbs and a profile's name.
const OPEN: &str = "open";
const QUIT: &str = "quit";
const SIGN_IN: &str = "sign-in:";
const SIGN_OUT: &str = "sign-out:";

/// Puts the icon into the tray, if there is one and it is not there, and keeps it up to date.
pub(crate) async fn appear(app: &AppHandle, keyfob: &Arc<Keyfob>) {
    if is_shown(app) || !has_host().await {
        return;
    }
    let (handle, following) = (app.clone(), keyfob.clone());
    on_main_thread(app, move |app| {
        let first = glance(&following);
        match build(app, &first) {
            Ok(icon) => {
                *lock(app.state::<Tray>().inner()) = Some((icon, first));
            }
            Err(error) => tracing::info!(%error, "there is no tray"),
        }
    })
    .await;
    if is_shown(app) {
        keyfob.follow(move |_| {
            let (app, keyfob) = (
                handle.clone(),
                handle.state::<Arc<Keyfob>>().inner().clone(),
            );
            tauri::async_runtime::spawn(async move {
                on_main_thread(&app, move |app| update(app, glance(&keyfob))).await;
            });
            true
        });
    }
}

/// Keeps the app running without its window, where the tray can bring that back; else it ends.
pub(crate) fn close(window: &Window, api: &tauri::CloseRequestApi) {
    let app = window.app_handle().clone();
    if !is_shown(&app) {
        return;
    }
    api.prevent_close();
    let window = window.clone();
    tauri::async_runtime::spawn(async move {
        let hidden = has_host().await && window.hide().is_ok();
        if !hidden {
            app.exit(0);
        }
    });
}

fn glance(keyfob: &Keyfob) -> Glance {
    Glance::of(&keyfob.view(), &TimeZone::system(), Timestamp::now())
}

fn build(app: &AppHandle, glance: &Glance) -> tauri::Result<TrayIcon> {
    TrayIconBuilder::with_id("keyfob")
        .icon(icon::icon(glance.look))
        .title("Keyfob")
        .tooltip(&glance.tooltip)
        .menu(&menu(app, &glance.lines)?)
        .show_menu_on_left_click(false)
        .on_tray_icon_event(|icon, event| {
            if let TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            } = event
            {
                to_front(icon.app_handle());
            }
        })
        .on_menu_event(|app, event| chosen(app, event.id().as_ref()))
        .build(app)
}

fn menu(app: &AppHandle, lines: &[Line]) -> tauri::Result<Menu<Wry>> {
    let item = |id: &str, label: &str| MenuItem::with_id(app, id, label, true, None::<&str>);
    let menu = Menu::with_items(app, &[&item(OPEN, "Open Keyfob")?])?;
    menu.append(&PredefinedMenuItem::separator(app)?)?;
    for Line {
        profile,
        label,
        action,
    } in lines
    {
        let label = escaped(label);
        let entry: Box<dyn IsMenuItem<Wry>> = match action {
            None => Box::new(MenuItem::new(app, label, false, None::<&str>)?),
            Some(Action::SignIn) => {
                let item = item(&format!("{SIGN_IN}{profile}"), "Sign in…")?;
                Box::new(Submenu::with_items(app, label, true, &[&item])?)
            }
            Some(Action::SignOut) => {
                let item = item(&format!("{SIGN_OUT}{profile}"), "Sign out of this computer")?;
                Box::new(Submenu::with_items(app, label, true, &[&item])?)
            }
        };
        menu.append(&*entry)?;
    }
    menu.append(&PredefinedMenuItem::separator(app)?)?;
    menu.append(&item(QUIT, "Quit Keyfob")?)?;
    Ok(menu)
}

/// A label as it is: `&` would underline the letter behind it.
fn escaped(label: &str) -> String {
    label.replace('&', "&&")
}

fn chosen(app: &AppHandle, id: &str) {
    if id == OPEN {
        to_front(app);
    } else if id == QUIT {
        app.exit(0);
    } else if let Some(profile) = id.strip_prefix(SIGN_IN) {
        act::sign_in(app, profile);
    } else if let Some(profile) = id.strip_prefix(SIGN_OUT) {
        act::sign_out(app, profile);
    }
}

fn update(app: &AppHandle, new: Glance) {
    let tray = app.state::<Tray>();
    let mut tray = lock(tray.inner());
    let Some((icon, shown)) = &mut *tray else {
        return;
    };
    let changed = || {
        if shown.lines != new.lines {
            icon.set_menu(Some(menu(app, &new.lines)?))?;
        }
        if shown.look != new.look {
            icon.set_icon(Some(icon::icon(new.look)))?;
        }
        if shown.tooltip != new.tooltip {
            icon.set_tooltip(Some(&new.tooltip))?;
        }
        tauri::Result::Ok(())
    };
    if let Err(error) = changed() {
        tracing::warn!(%error, "the tray does not show what is new");
    }
    *shown = new;
}

fn is_shown(app: &AppHandle) -> bool {
    lock(app.state::<Tray>().inner()).is_some()
}

fn lock(tray: &Tray) -> std::sync::MutexGuard<'_, Option<(TrayIcon, Glance)>> {
    tray.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does it where trays and menus may be touched, and waits for it.
async fn on_main_thread(app: &AppHandle, work: impl FnOnce(&AppHandle) + Send + 'static) {
    let (done, over) = tokio::sync::oneshot::channel();
    let handle = app.clone();
    let asked = app.run_on_main_thread(move || {
        work(&handle);
        // Nobody waits when the app ends.
        done.send(()).ok();
    });
    if asked.is_ok() {
        over.await.ok();
    }
}

/// Whether somebody shows the icons of the tray: on Linux, whether there is a StatusNotifierHost
/// (freedesktop.org, StatusNotifierItem, "StatusNotifierWatcher"). GNOME has none without an extension.
async fn has_host() -> bool {
    #[cfg(target_os = "linux")]
    {
        let watcher = async {
            let bus = zbus::Connection::session().await?;
            let watcher = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&bus)
                .destination("org.kde.StatusNotifierWatcher")?
                .path("/StatusNotifierWatcher")?
                .interface("org.kde.StatusNotifierWatcher")?
                .cache_properties(zbus::proxy::CacheProperties::No)
                .build()
                .await?;
            watcher.get_property("IsStatusNotifierHostRegistered").await
        };
        watcher.await.unwrap_or_else(|error: zbus::Error| {
            tracing::info!(%error, "there is no tray");
            false
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        true
    }
}
