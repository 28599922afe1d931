//! NPZ: which arrays there are, and under which keys.

mod archive;
mod course;
mod keys;
mod stored;

use burnscape_landscape::layout::Block;
use burnscape_landscape::surface::NodeState;
use burnscape_trace::Trajectory;
use serde_json::{Value, json};

use self::archive::Archive;
use crate::directions::{self, Centre, Directions};
use crate::layout::Layouts;
use crate::output::Output;
use crate::run::Run;
use crate::slice::Slice;
use crate::{Error, basins, info, layout};

/// Writes course and slices of a run, with the directions or without.
pub(crate) fn write(run: &Run, with_directions: bool, output: &mut Output) -> Result<(), Error> {
    run.require_anything()?;
    if with_directions {
        run.require_slices()?;
    }
    let mut npz = Npz { archive: Archive::new(output.file()), output };
    for slice in run.slices.values() {
        npz.surface(slice)?;
        npz.basins(slice)?;
        npz.layers(slice, run)?;
        npz.trajectory(slice)?;
    }
    npz.first_trajectory(run)?;
    course::write(run, &mut npz)?;
    if with_directions {
        npz.directions(run)?;
    }
    npz.finish()
}

/// An archive that knows the file it goes to, for its errors.
struct Npz<'a> {
    archive: Archive<&'a std::fs::File>,
    output: &'a Output,
}

impl Npz<'_> {
    fn surface(&mut self, slice: &Slice) -> Result<(), Error> {
        let key = |name| key(slice, name);
        let (surface, shape) = (&slice.surface, slice.shape());
        self.vector(&key("x"), &surface.grid().x().values().collect::<Vec<_>>())?;
        if let Some(y) = surface.grid().y() {
            self.vector(&key("y"), &y.values().collect::<Vec<_>>())?;
        }
        self.array(&key("loss"), &shape, surface.losses())?;
        self.array(&key("stderr"), &shape, surface.stderrs())?;
        let states: Vec<u8> = surface.states().iter().copied().map(state_code).collect();
        self.array(&key("state"), &shape, &states)
    }

    /// Where no node is missing: which basin each lies in, 0 for none, and what there is to tell of each basin.
    fn basins(&mut self, slice: &Slice) -> Result<(), Error> {
        let Some(tree) = slice.basins() else { return Ok(()) };
        let number = |basin: &Option<usize>| basin.map_or(0, |number| number as u64);
        let of_nodes: Vec<u64> = basins::of_nodes(&tree).iter().map(number).collect();
        self.array(&key(slice, "basin"), &slice.shape(), &of_nodes)?;
        self.text(&key(slice, "basins"), &basins::list(&tree))
    }

    fn layers(&mut self, slice: &Slice, run: &Run) -> Result<(), Error> {
        let names = slice.record.layers.iter().map(|layer| layer.name.as_str());
        let keys: Vec<String> =
            keys::of_layers(names).into_iter().map(|name| key(slice, &name)).collect();
        for (layer, key) in slice.layers.iter().zip(&keys) {
            self.array(key, &slice.shape(), layer.losses())?;
            self.array(&format!("{key}_stderr"), &slice.shape(), layer.stderrs())?;
        }
        self.text(&key(slice, "info"), &info::of_slice(&slice.record, &keys, &run.head))
    }

    fn trajectory(&mut self, slice: &Slice) -> Result<(), Error> {
        if let Some(path) = &slice.trajectory {
            self.path(&key(slice, "trajectory_xy"), slice, path)?;
            self.vector(&key(slice, "trajectory_loss"), &path.loss)?;
        }
        Ok(())
    }

    fn first_trajectory<'run>(&mut self, run: &'run Run) -> Result<(), Error> {
        let with_path = |slice: &'run Slice| Some((slice, slice.trajectory.as_ref()?));
        match run.slices.values().find_map(with_path) {
            Some((slice, path)) => {
                self.path("trajectory_xy", slice, path)?;
                self.vector("trajectory_loss", &path.loss)
            }
            None => Ok(()),
        }
    }

    fn path(&mut self, key: &str, slice: &Slice, path: &Trajectory) -> Result<(), Error> {
        if slice.record.y.is_none() {
            return self.array(key, &[path.x.len(), 1], &path.x);
        }
        let points: Vec<f64> =
            path.x.iter().zip(path.y.iter()).flat_map(|(x, y)| [*x, *y]).collect();
        self.array(key, &[path.x.len(), 2], &points)
    }

    fn directions(&mut self, run: &Run) -> Result<(), Error> {
        let layouts = layout::from_head(&run.head)?;
        let common = directions::centre(run, &layouts, &common_slice(run).record)?;
        let Layouts { parameters, buffers } = &layouts;
        self.text("layout", &parameters.blocks().iter().map(of_block).collect())?;
        self.text("buffer_layout", &buffers.blocks().iter().map(of_buffer).collect())?;
        self.vector("centre", &common.parameters)?;
        self.vector("buffers", &common.buffers)?;
        for slice in run.slices.values().filter(|slice| !run.only_compares(slice)) {
            self.directions_of(slice, run, &layouts, &common)?;
        }
        Ok(())
    }

    fn directions_of(
        &mut self,
        slice: &Slice,
        run: &Run,
        layouts: &Layouts,
        common: &Centre,
    ) -> Result<(), Error> {
        let (layout, slice_record) = (&layouts.parameters, &slice.record);
        let centre = directions::centre(run, layouts, slice_record)?;
        let directions = directions::directions(run, layout, slice_record, &centre.parameters);
        let Directions { d1, d2 } = directions?;
        if !centre.has_bits_of(common) {
            self.vector(&key(slice, "centre"), &centre.parameters)?;
            self.vector(&key(slice, "buffers"), &centre.buffers)?;
        }
        self.vector(&key(slice, "d1"), &d1)?;
        match d2 {
            Some(d2) => self.vector(&key(slice, "d2"), &d2),
            None => Ok(()),
        }
    }

    fn vector<T: archive::Element>(&mut self, key: &str, values: &[T]) -> Result<(), Error> {
        self.array(key, &[values.len()], values)
    }

    fn array<T: archive::Element>(
        &mut self,
        key: &str,
        shape: &[usize],
        values: &[T],
    ) -> Result<(), Error> {
        self.archive.array(key, shape, values).map_err(|source| self.output.error(source))
    }

    /// Room for an array whose values are told piece by piece.
    fn reserve<T: archive::Element>(&mut self, key: &str, shape: &[usize]) -> archive::Place {
        self.archive.reserve::<T>(key, shape)
    }

    /// Takes the values that stand in the buffer of a place, when they have become many.
    fn drain(&mut self, place: &mut archive::Place) -> Result<(), Error> {
        self.archive.drain(place).map_err(|source| self.output.error(source))
    }

    fn close(&mut self, place: archive::Place) -> Result<(), Error> {
        self.archive.close(place).map_err(|source| self.output.error(source))
    }

    fn text(&mut self, key: &str, json: &Value) -> Result<(), Error> {
        self.archive.text(key, &json.to_string()).map_err(|source| self.output.error(source))
    }

    fn finish(self) -> Result<(), Error> {
        self.archive.finish().map(drop).map_err(|source| self.output.error(source))
    }
}

fn key(slice: &Slice, name: &str) -> String {
    format!("slice{}_{name}", slice.record.slice)
}

fn state_code(state: NodeState) -> u8 {
    match state {
        NodeState::Unmeasured => 0,
        NodeState::Measured => 1,
        NodeState::Interpolated => 2,
    }
}

fn of_block(block: &Block) -> Value {
    json!({
        "path": block.path,
        "shape": block.shape,
        "offset": block.offset,
        "role": layout::role_name(block.role),
    })
}

fn of_buffer(buffer: &Block) -> Value {
    json!({ "path": buffer.path, "shape": buffer.shape, "offset": buffer.offset })
}

/// The slice whose centre is the common one: the first around the final model, else the first.
fn common_slice(run: &Run) -> &Slice {
    let is_final = |slice: &&Slice| {
        let snapshot = slice.record.centre_snapshot.and_then(|index| run.snapshots.get(&index));
        slice.record.centre == "final" || snapshot.is_some_and(|it| it.reason == "final")
    };
    let mut slices = run.slices.values();
    slices.clone().find(is_final).or_else(|| slices.next()).expect("a run with slices")
}
