//! A random direction that is drawn again, piece by piece, wherever it is needed, instead of being held.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::generator::{fnv1a_64, generator};
use super::options::{DirectionOptions, Normalisation};
use crate::layout::{Block, Filters, Layout};

/// A random direction around a centre, of which nothing is kept but the scale of each filter: to the bit
/// [`random`](super::random) of the same seed.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::direction::{DirectionOptions, DrawnDirection, random};
/// use burnscape_landscape::layout::{Block, Layout};
///
/// let layout = Layout::new(vec![Block::new("fc.weight", "Linear", &[3, 5], None)])?;
/// let (centre, options) = ([2.0; 15], DirectionOptions::default());
/// let mut drawn = DrawnDirection::new(&layout, 42, options);
/// drawn.scale_to(0, &centre);
/// let mut pieces = drawn.pieces(0);
/// let (mut first, mut second) = ([0.0; 4], [0.0; 11]);
/// pieces.next(&centre[..4], &mut first);
/// pieces.next(&centre[4..], &mut second);
/// assert_eq!([&first[..], &second[..]].concat(), random(&layout, &centre, 42, &options)?);
/// # Ok::<(), burnscape_landscape::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnDirection {
    seed: u64,
    blocks: Vec<Drawn>,
}

/// One block of it.
#[derive(Debug, Clone, PartialEq)]
struct Drawn {
    path: String,
    shape: Vec<usize>,
    len: usize,
    how: How,
}

#[derive(Debug, Clone, PartialEq)]
enum How {
    /// Zero.
    Still,
    /// The centre itself.
    Centre,
    /// As drawn, with the magnitudes of the centre.
    Signs,
    /// As drawn.
    AsDrawn,
    /// As drawn, every filter times its scale.
    Scaled(Filters, Vec<f64>),
}

impl DrawnDirection {
    /// The direction of one seed, of which no block is scaled to the centre yet.
    #[must_use]
    pub fn new(layout: &Layout, seed: u64, options: DirectionOptions) -> Self {
        let block = |block: &Block| Drawn {
            path: block.path.clone(),
            shape: block.shape.clone(),
            len: block.len(),
            how: How::of(block, &options),
        };
        Self { seed, blocks: layout.blocks().iter().map(block).collect() }
    }

    /// Finds the scales of the filters of a block from its part of the centre.
    ///
    /// # Panics
    ///
    /// If there is no such block, or `centre` is not as long.
    pub fn scale_to(&mut self, block: usize, centre: &[f32]) {
        let (seed, drawn) = (self.seed, &mut self.blocks[block]);
        assert_eq!(centre.len(), drawn.len, "the centre's part of the block `{}`", drawn.path);
        if let How::Scaled(filters, scales) = &mut drawn.how {
            let mut entries = vec![0.0; drawn.len];
            Draw::of(seed, &drawn.path).fill(&mut entries);
            *scales = filter_scales(*filters, &drawn.shape, centre, &entries);
        }
    }

    /// Writes a block as a whole, which need not be scaled before.
    ///
    /// # Panics
    ///
    /// If there is no such block, or the slices are not as long.
    pub fn write(&self, block: usize, centre: &[f32], out: &mut [f32]) {
        let drawn = &self.blocks[block];
        let How::Scaled(filters, _) = &drawn.how else {
            return self.pieces(block).next(centre, out);
        };
        Draw::of(self.seed, &drawn.path).fill(out);
        let scales = filter_scales(*filters, &drawn.shape, centre, out);
        filters.scale(&drawn.shape, &scales, 0..drawn.len, out);
    }

    /// Whether entries of a block may differ from 0.
    #[must_use]
    pub fn moves(&self, block: usize) -> bool {
        self.blocks[block].how != How::Still
    }

    /// A block from its beginning, piece by piece.
    #[must_use]
    pub fn pieces(&self, block: usize) -> DrawnPieces<'_> {
        let block = &self.blocks[block];
        DrawnPieces { block, draw: Draw::of(self.seed, &block.path), at: 0 }
    }
}

impl How {
    fn of(block: &Block, options: &DirectionOptions) -> Self {
        if !options.moves(block) {
            return Self::Still;
        }
        if options.keeps(block) {
            return Self::Centre;
        }
        match options.normalisation {
            Normalisation::Filter => Self::Scaled(block.filters, Vec::new()),
            Normalisation::Layer => Self::Scaled(Filters::Whole, Vec::new()),
            Normalisation::Weight => Self::Signs,
            Normalisation::None => Self::AsDrawn,
        }
    }
}

/// One block, piece by piece.
#[derive(Debug)]
pub struct DrawnPieces<'a> {
    block: &'a Drawn,
    draw: Draw,
    at: usize,
}

impl DrawnPieces<'_> {
    /// Writes the next entries, as many as there are in `out`, beside the same entries of the centre.
    ///
    /// # Panics
    ///
    /// If the block has not so many more, or was not [scaled](DrawnDirection::scale_to).
    pub fn next(&mut self, centre: &[f32], out: &mut [f32]) {
        let within = self.at..self.at + out.len();
        assert!(within.end <= self.block.len, "`{}` ends before {}", self.block.path, within.end);
        self.at = within.end;
        match &self.block.how {
            How::Still => out.fill(0.0),
            How::Centre => out.copy_from_slice(centre),
            How::AsDrawn => self.draw.fill(out),
            How::Signs => {
                self.draw.fill(out);
                out.iter_mut().zip(centre).for_each(|(it, value)| *it = value.abs().copysign(*it));
            }
            How::Scaled(filters, scales) => {
                self.draw.fill(out);
                filters.scale(&self.block.shape, scales, within, out);
            }
        }
    }
}

/// The entries of one path, in their order.
#[derive(Debug)]
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub fn of(seed: u64, path: &str) -> Self {
        Self(generator(seed, fnv1a_64(path.as_bytes())))
    }

    pub fn fill(&mut self, entries: &mut [f32]) {
        entries.fill_with(|| StandardNormal.sample(&mut self.0));
    }
}

/// What every filter of a draw is multiplied by to have the norm that it has in the centre.
fn filter_scales(filters: Filters, shape: &[usize], centre: &[f32], entries: &[f32]) -> Vec<f64> {
    let wanted = filters.squared_norms(shape, centre);
    let drawn = filters.squared_norms(shape, entries);
    wanted.iter().zip(&drawn).map(norm_ratio).collect()
}

fn norm_ratio((wanted_squared, drawn_squared): (&f64, &f64)) -> f64 {
    if *drawn_squared == 0.0 {
        return 0.0;
    }
    (wanted_squared / drawn_squared).sqrt()
}
