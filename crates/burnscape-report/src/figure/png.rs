//! A drawing as PNG: its SVG rendered, with the font that comes along.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{FilterQuality, Pixmap, PixmapPaint, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::svg::{Picture, Svg};
use crate::Error;

const FONT: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");

/// A picture.
pub(crate) struct Png {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The file.
    pub(crate) bytes: Vec<u8>,
}

impl Svg {
    /// Renders the drawing at a number of dots per inch.
    pub(crate) fn png(&self, dpi: f64) -> Result<Png, Error> {
        let dots = |points: f64| (points / 72.0 * dpi).round() as u32;
        let (width, height) = (dots(self.width()), dots(self.height()));
        let pixels = Pixmap::new(width, height).ok_or_else(|| failed("it has no dots"))?;
        let pixels = self.layers().iter().try_fold(pixels, |mut pixels, (shapes, picture)| {
            let scale = render(shapes, &mut pixels)?;
            picture.iter().for_each(|picture| picture.stretch(scale, &mut pixels));
            Ok::<_, Error>(pixels)
        })?;
        let bytes = pixels.encode_png().map_err(|error| failed(&error.to_string()))?;
        Ok(Png { width, height, bytes: with_resolution(bytes, dpi) })
    }
}

impl Picture {
    fn stretch(&self, scale: f32, pixels: &mut Pixmap) {
        let (wide, high) = (self.width as f32 * scale, self.height as f32 * scale);
        let (columns, rows) = (self.dots.width() as f32, self.dots.height() as f32);
        let (left, top) = (self.x as f32 * scale, self.y as f32 * scale);
        let place = Transform::from_row(wide / columns, 0.0, 0.0, high / rows, left, top);
        let paint = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
        pixels.draw_pixmap(0, 0, self.dots.as_ref(), &paint, place, None);
    }
}

/// Draws an SVG as wide as the pixels; gives the dots of a point.
fn render(svg: &str, pixels: &mut Pixmap) -> Result<f32, Error> {
    let options = Options {
        fontdb: fonts(),
        font_family: "DejaVu Sans".to_owned(),
        dpi: 72.0,
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(&error.to_string()))?;
    let scale = pixels.width() as f32 / tree.size().width();
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    Ok(scale)
}

fn failed(reason: &str) -> Error {
    Error::Render { reason: reason.to_owned() }
}

/// Only what comes along, so that every machine gives the same picture.
fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    };
    FONTS.get_or_init(load).clone()
}

/// Puts in how many dots a metre has, behind signature and header (PNG, section 11.3.4.3), so that a page
/// gets the size that was asked for.
fn with_resolution(mut png: Vec<u8>, dpi: f64) -> Vec<u8> {
    const HEADER_END: usize = 8 + 12 + 13;
    let per_metre = ((dpi / 0.0254).round() as u32).to_be_bytes();
    let mut chunk = b"pHYs".to_vec();
    chunk.extend(per_metre);
    chunk.extend(per_metre);
    chunk.push(1);
    let checksum = crc32fast::hash(&chunk).to_be_bytes();
    let length = (chunk.len() as u32 - 4).to_be_bytes();
    let whole = length.into_iter().chain(chunk).chain(checksum);
    png.splice(HEADER_END..HEADER_END, whole);
    png
}
