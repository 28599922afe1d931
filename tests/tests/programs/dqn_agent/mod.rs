//! A deep Q-network: actors in threads of their own play by a clone of the policy, a learner replays what they saw
//! against a target network.

mod bare;
mod watched;

use burn::module::Module;
use burn::nn::loss::{HuberLossConfig, Reduction};
use burn::nn::{Linear, LinearConfig, Relu};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::check::{Expected, Program, Size};
use super::data::{Numbers, device};
use super::trained::bytes;
use super::{clock, stand_in as burnscape};

pub const PROGRAM: Program = Program {
    name: "dqn-agent",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 8, train: 256, valid: 128, batch: 32, side: 32, width: 16 },
    full: Size { epochs: 50, train: 4096, valid: 2048, batch: 64, side: 200, width: 64 },
    models: &[Expected::BY_HAND],
};

#[test]
fn dqn_agent() {
    PROGRAM.check();
}

const LEARNING_RATE: f64 = 1e-3;
const ACTORS: usize = 2;
const ACTIONS: usize = 2;
const DISCOUNT: f32 = 0.95;
/// Transitions that are kept.
const CAPACITY: usize = 4096;

/// A pole on a cart: place, speed, angle and its speed (Barto, Sutton and Anderson 1983).
type State = [f32; 4];

/// What an actor saw.
#[derive(Debug, Clone)]
pub struct Transition {
    state: State,
    action: usize,
    reward: f32,
    next: State,
    is_over: bool,
}

fn moved([place, speed, angle, turning]: State, action: usize) -> State {
    let force = if action == 1 { 10.0 } else { -10.0 };
    let (sin, cos) = angle.sin_cos();
    let pushed = (force + 0.05 * turning * turning * sin) / 1.1;
    let turned = (9.8 * sin - cos * pushed) / (0.5 * (4.0 / 3.0 - 0.1 * cos * cos / 1.1));
    let driven = pushed - 0.05 * turned * cos / 1.1;
    let later = |it: f32, by: f32| it + 0.02 * by;
    [later(place, speed), later(speed, driven), later(angle, turning), later(turning, turned)]
}

/// So many moves of each actor, each in a thread of its own.
fn play(policy: &Policy, explored: f32, round: usize, size: &Size) -> Vec<Transition> {
    std::thread::scope(|scope| {
        let actor = |number| {
            let (policy, seed) = (policy.clone(), (ACTORS * round + number) as u64);
            scope.spawn(move || acted(&policy, explored, Numbers(seed), size.side))
        };
        let actors: Vec<_> = (0..ACTORS).map(actor).collect();
        actors.into_iter().flat_map(|it| it.join().expect("an actor")).collect()
    })
}

fn acted(policy: &Policy, explored: f32, mut numbers: Numbers, moves: usize) -> Vec<Transition> {
    let start =
        |numbers: &mut Numbers| -> State { std::array::from_fn(|_| 0.05 * numbers.signed()) };
    let (mut state, mut seen) = (start(&mut numbers), Vec::new());
    for _ in 0..moves {
        let action = match numbers.signed().abs() < explored {
            true => numbers.below(ACTIONS),
            false => policy.best(state),
        };
        let next = moved(state, action);
        let is_over = next[0].abs() > 2.4 || next[2].abs() > 0.21;
        seen.push(Transition { state, action, reward: 1.0, next, is_over });
        state = if is_over { start(&mut numbers) } else { next };
    }
    seen
}

/// Transitions in tensors: `[batch, 4]` and `[batch, 1]`.
#[derive(Debug, Clone)]
pub struct Batch {
    states: Tensor<2>,
    actions: Tensor<2, Int>,
    rewards: Tensor<2>,
    next: Tensor<2>,
    goes_on: Tensor<2>,
}

impl Batch {
    fn of(seen: &[&Transition], device: &Device) -> Self {
        let column = |of: fn(&Transition) -> f32| {
            let values: Vec<f32> = seen.iter().map(|it| of(it)).collect();
            Tensor::<2>::from_data(TensorData::new(values, [seen.len(), 1]), device)
        };
        let states = |of: fn(&Transition) -> State| {
            let values: Vec<f32> = seen.iter().flat_map(|it| of(it)).collect();
            Tensor::<2>::from_data(TensorData::new(values, [seen.len(), 4]), device)
        };
        let actions: Vec<i64> = seen.iter().map(|it| it.action as i64).collect();
        Self {
            states: states(|it| it.state),
            actions: Tensor::from_data(TensorData::new(actions, [seen.len(), 1]), device),
            rewards: column(|it| it.reward),
            next: states(|it| it.next),
            goes_on: column(|it| f32::from(!it.is_over)),
        }
    }
}

/// The last transitions.
pub struct Replay {
    seen: Vec<Transition>,
    numbers: Numbers,
}

impl Replay {
    fn new(seed: u64) -> Self {
        Self { seen: Vec::new(), numbers: Numbers(seed) }
    }

    fn extend(&mut self, seen: Vec<Transition>) {
        self.seen.extend(seen);
        let surplus = self.seen.len().saturating_sub(CAPACITY);
        self.seen.drain(..surplus);
    }

    fn sample(&mut self, count: usize, device: &Device) -> Batch {
        let places: Vec<usize> = (0..count).map(|_| self.numbers.below(self.seen.len())).collect();
        let seen: Vec<&Transition> = places.into_iter().map(|place| &self.seen[place]).collect();
        Batch::of(&seen, device)
    }

    /// Batches to see how far it is.
    fn held(&mut self, size: &Size, device: &Device) -> Vec<Batch> {
        (0..size.valid / size.batch).map(|_| self.sample(size.batch, device)).collect()
    }
}

/// States to the worth of each action.
#[derive(Module, Debug)]
pub struct Policy {
    input: Linear,
    hidden: Linear,
    output: Linear,
    activation: Relu,
}

impl Policy {
    pub fn new(size: &Size, device: &Device) -> Self {
        Self {
            input: LinearConfig::new(4, size.width).init(device),
            hidden: LinearConfig::new(size.width, size.width).init(device),
            output: LinearConfig::new(size.width, ACTIONS).init(device),
            activation: Relu::new(),
        }
    }

    fn forward(&self, states: Tensor<2>) -> Tensor<2> {
        let x = self.activation.forward(self.input.forward(states));
        self.output.forward(self.activation.forward(self.hidden.forward(x)))
    }

    fn best(&self, state: State) -> usize {
        let state = Tensor::<1>::from_floats(state, &self.devices()[0]).unsqueeze::<2>();
        self.forward(state).argmax(1).into_scalar::<i64>() as usize
    }
}

/// How far the worth of actions is from what the target says of them.
fn td_loss(policy: &Policy, target: &Policy, batch: &Batch) -> Tensor<1> {
    clock::pass();
    let worth = policy.forward(batch.states.clone()).gather(1, batch.actions.clone());
    let next = target.forward(batch.next.clone()).max_dim(1).detach();
    let expected = batch.rewards.clone() + next * batch.goes_on.clone() * DISCOUNT;
    HuberLossConfig::new(1.0).init().forward(worth, expected, Reduction::Mean)
}
