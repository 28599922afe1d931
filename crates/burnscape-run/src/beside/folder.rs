//! A comparison as a run folder of its own: the runs it is about, their slices under new numbers, and what it concludes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burnscape_landscape::surface::{NodeState, Surface};
use burnscape_trace::{
    ComparedRun, End, Error, F64s, Head, Nodes, Note, Record, RunFolder, Runs, Slice, Study,
    StudyKind, Writer, record,
};

use super::candidate::{RunBeside, common_head};
use super::{Picture, SideBySide};
use crate::{Landscape, node_record};

impl SideBySide {
    /// Writes the comparison as a run folder: whoever reads runs reads it.
    ///
    /// # Errors
    ///
    /// [`Error::OutputExists`] where something is there already, and those of [`Writer`].
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<RunFolder, Error> {
        let path = folder.as_ref();
        if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) || path.is_file() {
            return Err(Error::OutputExists { path: path.to_owned() });
        }
        let folder = RunFolder::create(path)?;
        let mut writer = Writer::create(&folder)?;
        writer.append(&Record::Head(self.head()))?;
        let runs = self.runs.iter().map(|run| told(&folder, run)).collect();
        writer.append(&Record::Runs(record!(Runs { runs })))?;
        for text in self.notes() {
            writer.append(&Record::Note(record!(Note { level: "info".into(), text })))?;
        }
        let mut next = 0;
        for (number, picture) in (0..).zip(&self.pictures) {
            self.write_picture(&mut writer, number, picture, next)?;
            next += picture.slices.len() as u32;
        }
        writer.finish(record!(End { reason: "finished".into() }))?;
        Ok(folder)
    }

    /// The structure that all runs have; of models that differ no blocks.
    fn head(&self) -> Head {
        let common = common_head(&self.runs).cloned().unwrap_or_default();
        let own = Head::of_new_run();
        record!(Head {
            format: own.format,
            run_id: own.run_id,
            started_unix_secs: own.started_unix_secs,
            burnscape_version: env!("CARGO_PKG_VERSION").to_owned(),
            epochs_planned: None,
            first_epoch: None,
            ..common
        })
    }

    fn notes(&self) -> Vec<String> {
        let side = |side: &super::Side| {
            let names: Vec<&str> =
                side.runs.iter().map(|&run| self.runs[run].name.as_str()).collect();
            match names[..] {
                [name] if name == side.name => side.name.clone(),
                _ => format!("{} ({})", side.name, names.join(", ")),
            }
        };
        let sides: Vec<String> = self.sides.iter().map(side).collect();
        let mut notes = vec![format!("Side by side: {}.", sides.join("; "))];
        for run in &self.runs {
            notes.extend(run.remarks.iter().map(|remark| format!("{}: {remark}", run.name)));
        }
        notes.extend(self.left_out.iter().map(|why| format!("Left out: {why}.")));
        notes.extend(self.remarks.iter().cloned());
        if self.pictures.is_empty() {
            notes.extend(self.sentences());
        }
        notes
    }

    fn write_picture(
        &self,
        writer: &mut Writer,
        number: u32,
        picture: &Picture,
        first: u32,
    ) -> Result<(), Error> {
        let study = self.study(number, picture, first);
        let own = (first..).zip(&picture.slices);
        let landscapes: Vec<(u32, &RunBeside, &Landscape)> = own
            .filter_map(|(slice, (run, of_run))| {
                let run = &self.runs[*run];
                Some((slice, run, run.run.landscapes().get(*of_run)?))
            })
            .collect();
        for (slice, run, landscape) in &landscapes {
            writer.append(&Record::Slice(self.slice(*slice, number, run, landscape.slice())))?;
        }
        writer.append(&Record::Study(study))?;
        for (slice, _, landscape) in &landscapes {
            for nodes in nodes(*slice, landscape) {
                writer.append(&Record::Nodes(nodes))?;
            }
        }
        Ok(())
    }

    /// Under its new number; what it tells of blocks holds where all runs have the same.
    fn slice(&self, number: u32, study: u32, run: &RunBeside, own: &Slice) -> Slice {
        let shares = common_head(&self.runs).map_or_else(Vec::new, |_| own.shares.clone());
        record!(Slice {
            slice: number,
            name: format!("{} {}", run.name, own.name),
            centre: format!("{} of {}", own.centre, run.name),
            centre_snapshot: None,
            shares,
            study: Some(study),
            directions: None,
            ..own.clone()
        })
    }

    fn study(&self, number: u32, picture: &Picture, first: u32) -> Study {
        let mut measures: BTreeMap<String, F64s> = picture
            .numbers
            .iter()
            .map(|(name, values)| ((*name).to_owned(), F64s(values.clone())))
            .collect();
        for layer in &picture.layers {
            let told =
                layer.numbers.iter().filter(|(_, values)| !values.iter().all(|it| it.is_nan()));
            measures.extend(
                told.map(|(name, values)| {
                    (format!("{}: {name}", layer.name), F64s(values.clone()))
                }),
            );
        }
        for row in self.rows(None) {
            let of_slices = picture.slices.iter().map(|(run, _)| row.runs[*run]).collect();
            measures.insert(row.name, F64s(of_slices));
        }
        let sentences = match number {
            0 => self.sentences(),
            _ => super::conclusions::differences(&self.rows(Some(picture)), &self.sides),
        };
        record!(Study {
            study: number,
            kind: StudyKind::SideBySide,
            slices: (first..first + picture.slices.len() as u32).collect(),
            lowest: picture.scale.map(|scale| scale.0),
            highest: picture.scale.map(|scale| scale.1),
            measures,
            sentences,
        })
    }
}

fn told(folder: &RunFolder, run: &RunBeside) -> ComparedRun {
    record!(ComparedRun {
        name: run.name.clone(),
        path: folder.way_to(run.folder.path()),
        run_id: run.run.head.as_ref().map_or_else(String::new, |head| head.run_id.clone()),
        remarks: run.remarks.clone(),
        side: run.side.clone(),
        numbers: run.numbers.clone(),
    })
}

/// What is known of all layers: measured nodes, then interpolated ones.
fn nodes(slice: u32, landscape: &Landscape) -> Vec<Nodes> {
    let layers = (0..).map_while(|number| {
        let quantity = landscape.quantity(number).ok()?;
        (quantity.number == number).then_some(quantity.surface)
    });
    let layers: Vec<&Surface> = layers.collect();
    let Some(loss) = layers.first() else { return Vec::new() };
    let of_state = |state: NodeState| {
        let states = loss.states().iter().enumerate();
        let index: Vec<usize> =
            states.filter(|(_, it)| **it == state).map(|(node, _)| node).collect();
        (!index.is_empty())
            .then(|| node_record(slice, &layers, &index, state == NodeState::Interpolated))
    };
    [NodeState::Measured, NodeState::Interpolated].into_iter().filter_map(of_state).collect()
}
