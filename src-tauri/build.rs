//! Compiles the permissions and capabilities of the one window into the app.

fn main() {
    tauri_build::try_build(
        tauri_build::Attributes::new()
            .capabilities_path_pattern("src-tauri/capabilities/**/*")
            .app_manifest(
                tauri_build::AppManifest::new()
                    .permissions_path_pattern("src-tauri/permissions/**/*"),
            ),
    )
    .expect("the Tauri configuration, permissions or capabilities are wrong");
}
