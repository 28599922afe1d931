//! Cutting areas into parts. What is asked for beyond the area's end is left out.

use ratatui::layout::Rect;

/// One row, counted from the top; empty below the last one.
#[must_use]
pub fn row(area: Rect, index: u16) -> Rect {
    split_top(split_top(area, index).1, 1).0
}

/// The upper rows, and the rest.
#[must_use]
pub fn split_top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let (y, height) = (area.y + rows, area.height - rows);
    (Rect { height: rows, ..area }, Rect { y, height, ..area })
}

/// The rest, and the lower rows.
#[must_use]
pub fn split_bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    split_top(area, area.height - rows.min(area.height))
}

/// The left columns, and the rest.
#[must_use]
pub fn split_left(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    let (x, width) = (area.x + columns, area.width - columns);
    (Rect { width: columns, ..area }, Rect { x, width, ..area })
}

/// The rest, and the right columns.
#[must_use]
pub fn split_right(area: Rect, columns: u16) -> (Rect, Rect) {
    split_left(area, area.width - columns.min(area.width))
}

/// So many columns of equal width, those at the left a cell wider where it does not come out even.
#[must_use]
pub fn columns(area: Rect, count: u16) -> Vec<Rect> {
    let mut rest = area;
    let column = |left: u16| {
        let (column, right) = split_left(rest, rest.width.div_ceil(left));
        rest = right;
        column
    };
    (1..=count).rev().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_up_the_whole_and_never_more() {
        let area = Rect::new(3, 4, 10, 5);
        assert_eq!(split_top(area, 2), (Rect::new(3, 4, 10, 2), Rect::new(3, 6, 10, 3)));
        assert_eq!(split_bottom(area, 2), (Rect::new(3, 4, 10, 3), Rect::new(3, 7, 10, 2)));
        assert_eq!(split_left(area, 99), (area, Rect::new(13, 4, 0, 5)));
        assert_eq!(split_right(area, 4), (Rect::new(3, 4, 6, 5), Rect::new(9, 4, 4, 5)));
        assert!(row(area, 5).is_empty());
        assert_eq!(row(area, 4), Rect::new(3, 8, 10, 1));
    }
}
