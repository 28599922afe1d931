//! Initial weights that a test draws itself: flex has one random stream per process, and tests of one process take from
//! it beside each other, so that a seed alone does not fix what a model begins with.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

/// Numbers at random: splitmix64 (Steele et al. 2014).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    /// At least 0, less than 1.
    pub fn unit(&mut self) -> f64 {
        self.roll(1 << 20) as f64 / f64::from(1 << 20)
    }

    /// Ten to a power between two.
    pub fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        10.0_f64.powf(low + (high - low) * self.unit())
    }
}

/// The model with weights of its own, as long as burn's usual ones: uniform within ±1/√inputs. What is no weight stays:
/// a variance below 0 would make every loss NaN.
pub fn drawn<M: Module>(model: M, seed: u64) -> M {
    model.map(&mut Draw { dice: Dice(seed), name: String::new() })
}

struct Draw {
    dice: Dice,
    /// Of the field that was entered last.
    name: String,
}

impl ModuleMapper for Draw {
    fn enter_module(&mut self, name: &str, _container: &str) {
        name.clone_into(&mut self.name);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.name.starts_with("running_") {
            return param;
        }
        let shape = param.val().dims();
        // A linear layer keeps its inputs first, a convolution last; a bias has as many inputs as its layer at most.
        let inputs = if D > 2 { shape[1..].iter().product() } else { shape[0] };
        let bound = 1.0 / (inputs as f64).sqrt();
        let mut number = || (bound * (2.0 * self.dice.unit() - 1.0)) as f32;
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| number()).collect();
        param.map(|old| {
            let new = Tensor::from_data(TensorData::new(numbers, shape), &old.device());
            if old.is_require_grad() { new.require_grad() } else { new }
        })
    }
}
