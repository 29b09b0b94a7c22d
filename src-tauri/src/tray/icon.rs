//! The app's icon, and the state drawn on it.

use tauri::image::Image;

use super::glance::Look;

const PLAIN: Image<'_> = tauri::include_image!("src-tauri/icons/32x32.png");
/// The disc's radius, and where it sits, in parts of the icon's width.
const RADIUS: f32 = 0.24;
const CENTRE: f32 = 0.74;
/// The clear ring around it.
const RING: f32 = 0.07;

const AMBER: [u8; 3] = [0xe0, 0x8a, 0x00];
const RED: [u8; 3] = [0xd0, 0x2f, 0x2f];

pub(super) fn icon(look: Look) -> Image<'static> {
    let (width, height) = (PLAIN.width(), PLAIN.height());
    let mut pixels = PLAIN.rgba().to_vec();
    match look {
        Look::SignedIn => {}
        Look::SignedOut => pixels.chunks_exact_mut(4).for_each(fade),
        Look::Offline => mark(&mut pixels, width, AMBER),
        Look::ActionNeeded => mark(&mut pixels, width, RED),
    }
    Image::new_owned(pixels, width, height)
}

/// Takes the colour out, and half of what is left.
fn fade(pixel: &mut [u8]) {
    let sum = u16::from(pixel[0]) + u16::from(pixel[1]) + u16::from(pixel[2]);
    let grey = u8::try_from(sum / 3).unwrap_or(u8::MAX);
    pixel[..3].fill(grey);
    pixel[3] = pixel[3] / 5 * 3;
}

/// Draws a disc in the lower right corner.
#[expect(
    clippy::cast_precision_loss,
    reason = "an icon has a few dozen pixels a side"
)]
fn mark(pixels: &mut [u8], width: u32, colour: [u8; 3]) {
    let size = width as f32;
    for (n, pixel) in (0_u32..).zip(pixels.chunks_exact_mut(4)) {
        let (x, y) = ((n % width) as f32 + 0.5, (n / width) as f32 + 0.5);
        let distance = (x - CENTRE * size).hypot(y - CENTRE * size);
        let inside = |radius: f32| (radius * size - distance + 0.5).clamp(0.0, 1.0);
        let (disc, ring) = (inside(RADIUS), inside(RADIUS + RING));
        pixel[3] = blend(pixel[3], 0, ring);
        for (channel, colour) in pixel.iter_mut().zip(colour) {
            *channel = blend(*channel, colour, disc);
        }
        pixel[3] = blend(pixel[3], u8::MAX, disc);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it lies between two bytes"
)]
fn blend(from: u8, to: u8, part: f32) -> u8 {
    (f32::from(from) + (f32::from(to) - f32::from(from)) * part).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_looks_different() {
        let looks = [
            Look::SignedIn,
            Look::SignedOut,
            Look::Offline,
            Look::ActionNeeded,
        ];
        let icons = looks.map(|look| icon(look).rgba().to_vec());
        for (n, one) in icons.iter().enumerate() {
            assert_eq!(one.len(), 32 * 32 * 4);
            assert!(
                icons[..n].iter().all(|other| other != one),
                "{:?}",
                looks[n]
            );
        }
        let (x, y) = (23, 23);
        let at = (y * 32 + x) * 4;
        assert_eq!(icons[3][at..at + 3], RED);
        assert_eq!(icons[0][..100], icons[3][..100], "the rest stays");
    }
}
