//! A learning strategy of one's own in burn's training: epochs, batches and steps by hand, events passed on.

mod bare;
mod watched;

use burn::data::dataloader::Progress;
use burn::tensor::Device;
use burn::train::{
    EventProcessorTraining, InferenceStep, Learner as BurnsLearner, LearnerEvent, LearnerModel,
    SupervisedLearningStrategy, SupervisedTrainingEventProcessor, TrainLoader, TrainingComponents,
    TrainingItem, TrainingStrategy, ValidLoader,
};

use super::check::{Expected, Program, Size};
use super::data::{device, image_loaders};
use super::guide::Model;
use super::silent::silent;
use super::stand_in as burnscape;
use super::trained::bytes;

pub const PROGRAM: Program = Program {
    name: "custom-learning-strategy",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 4, train: 512, valid: 64, batch: 32, side: 8, width: 8 },
    full: Size { epochs: 2, train: 4096, valid: 1024, batch: 64, side: 28, width: 32 },
    models: &[Expected::SUPERVISED],
};

#[test]
fn custom_learning_strategy() {
    PROGRAM.check();
}

/// One device; burn is told of batches and epochs.
pub struct MyStrategy {
    pub device: Device,
}

impl<M: LearnerModel> SupervisedLearningStrategy<M> for MyStrategy {
    fn fit(
        &self,
        components: TrainingComponents<M>,
        mut learner: BurnsLearner<M>,
        train: TrainLoader<M>,
        valid: ValidLoader<M>,
        starting_epoch: usize,
    ) -> (M, SupervisedTrainingEventProcessor<M>) {
        let train = train.to_device(&self.device);
        let valid = valid.to_device(&self.device.clone().inner());
        learner.fork(&self.device);
        let mut events = components.event_processor;
        let interrupter = components.interrupter;
        for epoch in starting_epoch..=components.num_epochs {
            let split = |total_items| (epoch, total_items);
            let (epoch_number, total_items) = split(train.num_items());
            let start = LearnerEvent::StartSplit { epoch_number, total_items };
            interrupter.fail_on_error(events.process_train(start));
            let mut batches = train.iter();
            let mut iteration = 0;
            while let Some(Ok(batch)) = batches.next() {
                iteration += 1;
                let output = learner.train_step(batch);
                learner.lr_step();
                learner.optimizer_step(output.grads);
                let (progress, lr) = (batches.progress(), Some(learner.lr_current()));
                let item = item(output.item, progress, iteration, lr);
                interrupter.fail_on_error(events.process_train(item));
            }
            interrupter.fail_on_error(events.process_train(LearnerEvent::EndSplit(epoch)));

            let (epoch_number, total_items) = split(valid.num_items());
            let start = LearnerEvent::StartSplit { epoch_number, total_items };
            interrupter.fail_on_error(events.process_valid(start));
            let model = learner.model().valid();
            let mut batches = valid.iter();
            let mut iteration = 0;
            while let Some(Ok(batch)) = batches.next() {
                iteration += 1;
                let output = InferenceStep::step(&model, batch);
                let item = item(output, batches.progress(), iteration, None);
                interrupter.fail_on_error(events.process_valid(item));
            }
            interrupter.fail_on_error(events.process_valid(LearnerEvent::EndSplit(epoch)));
            interrupter.fail_on_error(events.process_train(LearnerEvent::EndEpoch(epoch)));
        }
        (learner.model(), events)
    }
}

fn item<T>(
    output: T,
    progress: Progress,
    iteration: usize,
    lr: Option<burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate>,
) -> LearnerEvent<T> {
    LearnerEvent::ProcessedItem(TrainingItem::new(output, progress, Some(iteration), lr))
}
