//! VTK's legacy format, for ParaView: surfaces as structured grids, paths and lines as polylines.
//!
//! Binary parts are big endian, as the format wants it (VTK File Formats, "Simple Legacy Formats").

use std::io::{self, Write};

use burnscape_landscape::surface::Extreme;
use burnscape_landscape::topology::{Basin, MergeTree};
use burnscape_run::Distinct;
use burnscape_trace::Trajectory;

use crate::output_folder::OutputFolder;
use crate::run::Run;
use crate::slice::Slice;
use crate::{Error, basins};

const LEAFLET: &str = "\
Loss surfaces of a run of burnscape for ParaView, in VTK's legacy format.

slice{n}.vtk             slice n: a structured grid, x and y being the coefficients of the two directions and z
                         the loss; a line is a polyline in the plane y = 0
slice{n}_trajectory.vtk  the path of training through it, a polyline at the height of the loss of each snapshot
slice{n}_basins.vtk      the minima of the basins that count, points with number, node, persistence (height of the saddle
                         over the minimum; NaN of the lowest), saddle_loss and into (number of the basin on the other
                         side of the saddle, 0 of the lowest)

Point data: loss, stderr, state (0 not measured, 1 measured, 2 interpolated), basin (number of the one that a node lies in, 0
where there is none; only where no node is missing), further quantities by their names
(with a number where several have the same, as in `accuracy (2)`), with `stderr` behind them for their standard errors; of a trajectory loss, loss_on_plane, out_of_plane and snapshot. Where a loss is not finite or not measured,
z is the lowest loss and vtkGhostType 2 hides the point; loss itself keeps NaN and infinities.
";

/// A point that is not to be drawn: `vtkDataSetAttributes::HIDDENPOINT`.
const HIDDEN: u8 = 2;

/// Writes a file per slice, and one per trajectory.
pub(crate) fn write(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    run.require_slices()?;
    for (number, slice) in &run.slices {
        let write = |file: &mut dyn Write| surface(slice, file);
        out.file(&format!("slice{number}.vtk"), |file| write(file).map_err(|it| out.error(it)))?;
        if let Some(tree) = slice.basins().filter(|tree| tree.minima() > 0) {
            let name = format!("slice{number}_basins.vtk");
            out.file(&name, |file| minima(slice, &tree, file).map_err(|it| out.error(it)))?;
        }
        if let Some(path) = slice.trajectory.as_ref().filter(|path| !path.x.is_empty()) {
            let name = format!("slice{number}_trajectory.vtk");
            out.file(&name, |file| trajectory(slice, path, file).map_err(|it| out.error(it)))?;
        }
    }
    out.leaflet(LEAFLET)
}

fn surface(slice: &Slice, out: &mut dyn Write) -> io::Result<()> {
    let (surface, grid) = (&slice.surface, slice.surface.grid());
    let heights = Heights::new(surface.losses(), slice);
    let dataset = if grid.is_line() { "POLYDATA" } else { "STRUCTURED_GRID" };
    header(&format!("burnscape slice {}", slice.record.slice), dataset, out)?;
    if !grid.is_line() {
        writeln!(out, "DIMENSIONS {} {} 1", grid.columns(), grid.rows())?;
    }
    let point = |node: usize| {
        let (x, y) = grid.coordinates(node);
        [x, y, heights.z[node]]
    };
    points((0..grid.len()).map(point), out)?;
    if grid.is_line() {
        polyline(grid.len(), out)?;
    }
    writeln!(out, "POINT_DATA {}", grid.len())?;
    doubles("loss", surface.losses(), out)?;
    doubles("stderr", surface.stderrs(), out)?;
    let states: Vec<u8> = surface.states().iter().map(|state| *state as u8).collect();
    bytes("state", &states, out)?;
    if let Some(tree) = slice.basins() {
        integers("basin", basins::of_nodes(&tree).iter().map(|it| it.unwrap_or(0)), out)?;
    }
    for (name, layer) in layer_names(slice).into_iter().zip(&slice.layers) {
        doubles(&encoded(&name), layer.losses(), out)?;
        doubles(&encoded(&format!("{name} stderr")), layer.stderrs(), out)?;
    }
    bytes("vtkGhostType", &heights.ghosts, out)
}

/// Names that a slice has anyway.
const OWN: [&str; 5] = ["loss", "stderr", "state", "basin", "vtkGhostType"];

fn layer_names(slice: &Slice) -> Vec<String> {
    let mut distinct = Distinct::default().with_beside(" stderr").reserve(OWN);
    burnscape_run::layer_names(&slice.record).iter().map(|name| distinct.name(name)).collect()
}

/// A name as one word of ASCII, as `vtkDataWriter::EncodeString` writes it and VTK's readers decode it.
fn encoded(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'%';
    let word = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    name.bytes().map(word).collect()
}

/// The minima of the basins that count, by number.
fn minima(slice: &Slice, tree: &MergeTree, out: &mut dyn Write) -> io::Result<()> {
    let basins: Vec<_> = tree.numbered().collect();
    let of = |read: fn(&Basin) -> f64| basins.iter().map(|it| read(it.1)).collect::<Vec<_>>();
    header(&format!("burnscape basins of slice {}", slice.record.slice), "POLYDATA", out)?;
    let place = |it: &Extreme| [it.alpha, it.beta, it.loss];
    points(basins.iter().map(|it| place(&it.1.minimum)), out)?;
    let count = basins.len();
    cells("VERTICES", count, (0..count).flat_map(|point| [1, point]), out)?;
    writeln!(out, "POINT_DATA {count}")?;
    integers("number", basins.iter().map(|it| it.0), out)?;
    integers("node", basins.iter().map(|it| it.1.minimum.node), out)?;
    integers("into", basins.iter().map(|it| it.2.unwrap_or(0)), out)?;
    doubles("persistence", &of(|it| it.persistence.unwrap_or(f64::NAN)), out)?;
    doubles("saddle_loss", &of(|it| it.saddle.map_or(f64::NAN, |saddle| saddle.loss)), out)
}

fn trajectory(slice: &Slice, path: &Trajectory, out: &mut dyn Write) -> io::Result<()> {
    let len = path.x.len();
    let padded = |values: &[f64]| -> Vec<f64> {
        (0..len).map(|place| values.get(place).copied().unwrap_or(f64::NAN)).collect()
    };
    let heights = Heights::new(&path.loss, slice);
    header(&format!("burnscape trajectory of slice {}", slice.record.slice), "POLYDATA", out)?;
    let y = |place: usize| path.y.get(place).copied().unwrap_or(0.0);
    points((0..len).map(|place| [path.x[place], y(place), heights.z[place]]), out)?;
    polyline(len, out)?;
    writeln!(out, "POINT_DATA {len}")?;
    doubles("loss", &path.loss, out)?;
    doubles("loss_on_plane", &padded(&path.loss_on_plane), out)?;
    doubles("out_of_plane", &padded(&path.out_of_plane), out)?;
    let snapshot = |place: usize| path.snapshots.get(place).map_or(f64::NAN, |it| f64::from(*it));
    doubles("snapshot", &(0..len).map(snapshot).collect::<Vec<_>>(), out)
}

/// Where points lie: a height that is not finite would keep a viewer from finding its camera.
struct Heights {
    z: Vec<f64>,
    ghosts: Vec<u8>,
}

impl Heights {
    fn new(losses: &[f64], slice: &Slice) -> Self {
        let lowest = slice.surface.lowest().map_or(0.0, |lowest| lowest.loss);
        let z = |loss: &f64| if loss.is_finite() { *loss } else { lowest };
        let ghost = |loss: &f64| if loss.is_finite() { 0 } else { HIDDEN };
        Self { z: losses.iter().map(z).collect(), ghosts: losses.iter().map(ghost).collect() }
    }
}

fn header(title: &str, dataset: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# vtk DataFile Version 3.0\n{title}\nBINARY\nDATASET {dataset}")
}

fn points(points: impl ExactSizeIterator<Item = [f64; 3]>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "POINTS {} double", points.len())?;
    for coordinate in points.flatten() {
        out.write_all(&coordinate.to_be_bytes())?;
    }
    writeln!(out)
}

fn polyline(len: usize, out: &mut dyn Write) -> io::Result<()> {
    cells("LINES", 1, std::iter::once(len).chain(0..len), out)
}

/// Cells, each with the number of its points before them.
fn cells(
    kind: &str,
    count: usize,
    numbers: impl Iterator<Item = usize> + Clone,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{kind} {count} {}", numbers.clone().count())?;
    whole_numbers(numbers, out)
}

fn integers(
    name: &str,
    values: impl Iterator<Item = usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "SCALARS {name} int 1\nLOOKUP_TABLE default")?;
    whole_numbers(values, out)
}

fn whole_numbers(numbers: impl Iterator<Item = usize>, out: &mut dyn Write) -> io::Result<()> {
    for number in numbers {
        let number = i32::try_from(number).map_err(io::Error::other)?;
        out.write_all(&number.to_be_bytes())?;
    }
    writeln!(out)
}

fn doubles(name: &str, values: &[f64], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "SCALARS {name} double 1\nLOOKUP_TABLE default")?;
    for value in values {
        out.write_all(&value.to_be_bytes())?;
    }
    writeln!(out)
}

fn bytes(name: &str, values: &[u8], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "SCALARS {name} unsigned_char 1\nLOOKUP_TABLE default")?;
    out.write_all(values)?;
    writeln!(out)
}
