//! The layouts of the flat vectors of parameters and of buffers, back from the head record.

use burnscape_landscape::layout::{Block, Filters, Layout, Role};
use burnscape_trace as trace;
use burnscape_trace::record;

use crate::Error;

/// What the tensors of the model are called, and where they lie in flat vectors.
#[derive(Debug)]
pub(crate) struct Layouts {
    pub(crate) parameters: Layout,
    /// What belongs to the model and no direction moves, such as the statistics of BatchNorm.
    pub(crate) buffers: Layout,
}

/// The layouts that the head describes; it may come from anywhere, so every number is checked.
pub(crate) fn from_head(head: &trace::Head) -> Result<Layouts, Error> {
    Ok(Layouts { parameters: of_parameters(head)?, buffers: of_buffers(head)? })
}

fn of_parameters(head: &trace::Head) -> Result<Layout, Error> {
    if head.blocks.is_empty() {
        return Err(layout_error("it lists no blocks".to_owned()));
    }
    let mut end = 0;
    let mut blocks = Vec::with_capacity(head.blocks.len());
    for recorded in &head.blocks {
        let block = block(recorded, &mut end)
            .ok_or_else(|| layout_error(format!("block {:?} is none", recorded.path)))?;
        blocks.push(block);
    }
    Layout::new(blocks).map_err(|error| layout_error(error.to_string()))
}

/// One after the other, as the head lists them.
fn of_buffers(head: &trace::Head) -> Result<Layout, Error> {
    let mut end = 0;
    let mut buffer = |recorded: &trace::Buffer| {
        let as_block = record!(trace::Block {
            path: recorded.path.clone(),
            shape: recorded.shape.clone(),
            role: role_name(Role::Norm).into(),
            offset: end as u64,
        });
        let none = || layout_error(format!("buffer {:?} is none", recorded.path));
        block(&as_block, &mut end).ok_or_else(none)
    };
    let buffers = head.buffers.iter().map(&mut buffer).collect::<Result<_, _>>()?;
    Layout::new(buffers).map_err(|error| layout_error(error.to_string()))
}

fn layout_error(reason: String) -> Error {
    Error::Layout { reason }
}

/// The block that begins at `end`, which then is its own end.
fn block(recorded: &trace::Block, end: &mut usize) -> Option<Block> {
    let shape = recorded.shape.iter().map(|&len| usize::try_from(len).ok());
    let shape: Vec<usize> = shape.collect::<Option<_>>()?;
    let len = shape.iter().try_fold(1_usize, |len, &axis| len.checked_mul(axis))?;
    if usize::try_from(recorded.offset) != Ok(*end) {
        return None;
    }
    *end = end.checked_add(len)?;
    Some(Block {
        path: recorded.path.clone(),
        role: role(&recorded.role)?,
        container: recorded.container.clone(),
        // An empty tensor has nothing to scale, and may claim any number of filters.
        filters: if len == 0 { Filters::Whole } else { filters(recorded)? },
        shape,
        filter_guessed: recorded.filter_guessed,
        frozen: recorded.frozen,
        offset: 0,
    })
}

pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Weight => "weight",
        Role::Bias => "bias",
        Role::Norm => "norm",
    }
}

fn role(name: &str) -> Option<Role> {
    [Role::Weight, Role::Bias, Role::Norm].into_iter().find(|&role| role_name(role) == name)
}

/// With one group, a pair (group, index of axis 1) is an index of axis 1.
fn filters(recorded: &trace::Block) -> Option<Filters> {
    match (recorded.filter_axis, recorded.groups) {
        (None, _) => Some(Filters::Whole),
        (Some(axis), 0 | 1) => Some(Filters::Axis(usize::from(axis))),
        (Some(1), groups) => Some(Filters::GroupedAxis1 { groups: groups as usize }),
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(path: &str, shape: &[u64], offset: u64) -> trace::Block {
        record!(trace::Block {
            path: path.into(),
            shape: shape.to_vec(),
            role: "weight".into(),
            filter_axis: Some(1),
            groups: 1,
            offset,
        })
    }

    fn layout(blocks: Vec<trace::Block>) -> Result<Layout, Error> {
        of_parameters(&record!(trace::Head { blocks }))
    }

    fn buffers(shapes: &[(&str, &[u64])]) -> Result<Layout, Error> {
        let buffer = |(path, shape): &(&str, &[u64])| {
            record!(trace::Buffer { path: (*path).into(), shape: shape.to_vec() })
        };
        let buffers = shapes.iter().map(buffer).collect();
        of_buffers(&record!(trace::Head { buffers }))
    }

    #[test]
    fn blocks_come_back_with_role_filters_and_place() {
        let grouped = record!(trace::Block { groups: 3, ..recorded("up", &[6, 2, 3], 8) });
        let bias = record!(trace::Block {
            role: "bias".into(),
            filter_axis: None,
            ..recorded("b", &[4], 44)
        });
        let layout = layout(vec![recorded("fc", &[2, 4], 0), grouped, bias]).unwrap();
        let filters: Vec<_> = layout.blocks().iter().map(|block| block.filters).collect();
        let groups = Filters::GroupedAxis1 { groups: 3 };
        assert_eq!(filters, [Filters::Axis(1), groups, Filters::Whole]);
        assert_eq!(layout.blocks()[2].role, Role::Bias);
        assert_eq!((layout.blocks()[2].range(), layout.len()), (44..48, 48));
    }

    #[test]
    fn hostile_blocks_are_a_sentence() {
        let of = |block| layout(vec![block]).unwrap_err().to_string();
        let role =
            record!(trace::Block { role: "\u{1b}[31m".into(), ..recorded("fc", &[2, 2], 0) });
        for block in [
            recorded("fc", &[u64::MAX, 2], 0),
            recorded("fc", &[2, 2], 7),
            record!(trace::Block { filter_axis: Some(9), ..recorded("fc", &[2, 2], 0) }),
            record!(trace::Block { filter_axis: Some(0), groups: 2, ..recorded("fc", &[2, 2], 0) }),
            role,
        ] {
            let sentence = of(block);
            assert!(sentence.contains("\"fc\"") && !sentence.contains('\u{1b}'), "{sentence}");
        }
        assert!(layout(vec![]).is_err());
        let twice = layout(vec![recorded("fc", &[1, 1], 0), recorded("fc", &[1, 1], 1)]);
        assert!(twice.unwrap_err().to_string().contains("twice"));
        assert!(layout(vec![recorded("fc", &[u64::MAX, 0], 0)]).unwrap().is_empty());
    }

    #[test]
    fn buffers_lie_one_after_the_other() {
        let layout = buffers(&[("norm.mean", &[3]), ("norm.scalar", &[]), ("seen", &[2, 2])]);
        let layout = layout.unwrap();
        let ranges: Vec<_> = layout.blocks().iter().map(Block::range).collect();
        assert_eq!(ranges, [0..3, 3..4, 4..8]);
        assert!(buffers(&[]).unwrap().is_empty());
        let huge = buffers(&[("seen", &[u64::MAX, 2])]).unwrap_err().to_string();
        assert!(huge.contains("buffer \"seen\" is none"), "{huge}");
        assert!(buffers(&[("seen", &[1]), ("seen", &[1])]).is_err());
    }
}
