//! How the surface stands before the reader: turned, tilted, enlarged, heightened.

use crate::message::{Message, Towards};

/// Degrees of a key.
const TURN_STEP: i32 = 5;
/// Degrees of a column that the mouse drags.
const DRAG_STEP: i32 = 2;
/// Degrees of a tick, 0.05 rad: smaller ones cost as many bytes and look no smoother at four a second.
const TICK_STEP: i32 = 3;
/// How much larger a step of the zoom is.
const ZOOM_STEP: f64 = 1.5;
const ZOOM_MOST: u8 = 6;
/// Rows of a key that moves the picture.
const PAN_STEP: i32 = 2;
/// Columns and rows that it is moved by at most: it can be found again.
const PAN_MOST: i32 = 200;
/// Heights that can be chosen, as multiples of half the longer side of the plane.
const HEIGHTS: [f64; 9] = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

/// What the reader chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Pose {
    turn: i32,
    tilt: i32,
    height: usize,
    zoom: u8,
    /// Columns to the right and rows down that the picture is moved by.
    pan: (i32, i32),
    is_rotating: bool,
}

impl Default for Pose {
    /// From above at an angle, so that the bottom of a bowl is seen over its rim.
    fn default() -> Self {
        Self { turn: 30, tilt: 40, height: 3, zoom: 0, pan: (0, 0), is_rotating: false }
    }
}

impl Pose {
    /// Degrees that the plane is turned, seen from above and counter-clockwise: 0 to 359.
    pub(in super::super) fn turn(&self) -> i32 {
        self.turn
    }

    /// Degrees that the reader stands above the plane: 0 looks along it, 90 down on it.
    pub(in super::super) fn tilt(&self) -> i32 {
        self.tilt
    }

    /// How high the range of the values stands: at 1, half as high as the longer side of the plane is wide.
    pub(in super::super) fn height(&self) -> f64 {
        HEIGHTS[self.height]
    }

    /// How many times larger than with everything in sight.
    pub(in super::super) fn zoom(&self) -> f64 {
        ZOOM_STEP.powi(i32::from(self.zoom))
    }

    /// What the reader asks for; other messages change nothing.
    pub(in super::super) fn after(self, message: Message) -> Self {
        match message {
            Message::ZoomIn => self.closer(),
            Message::ZoomOut => self.farther(),
            Message::ZoomReset => self.reset(),
            Message::Move(towards) => self.turned(towards),
            Message::MoveFar(towards) => self.panned_towards(towards),
            Message::Drag(columns, rows) => self.dragged(columns, rows),
            Message::DragAside(columns, rows) => self.panned(columns.into(), rows.into()),
            Message::ToggleRotation => self.with_rotation_toggled(),
            Message::Steeper => self.steeper(),
            Message::Flatter => self.flatter(),
            Message::Tick => self.later(),
            _ => self,
        }
    }

    pub(in super::super) fn is_rotating(&self) -> bool {
        self.is_rotating
    }

    pub(in super::super) fn turned(self, towards: Towards) -> Self {
        match towards {
            Towards::Left => self.turned_by(-TURN_STEP),
            Towards::Right => self.turned_by(TURN_STEP),
            Towards::Up => Self { tilt: (self.tilt + TURN_STEP).min(90), ..self },
            Towards::Down => Self { tilt: (self.tilt - TURN_STEP).max(0), ..self },
        }
    }

    /// What the mouse does that drags it so many columns and rows: a cell is twice as high as it is wide.
    pub(in super::super) fn dragged(self, columns: i16, rows: i16) -> Self {
        let tilt = (self.tilt + DRAG_STEP * 2 * i32::from(rows)).clamp(0, 90);
        Self { tilt, ..self.turned_by(DRAG_STEP * i32::from(columns)) }
    }

    /// The picture moved along by so many columns and rows.
    pub(in super::super) fn panned(self, columns: i32, rows: i32) -> Self {
        let moved = |by: i32, more: i32| by.saturating_add(more).clamp(-PAN_MOST, PAN_MOST);
        Self { pan: (moved(self.pan.0, columns), moved(self.pan.1, rows)), ..self }
    }

    /// The same by a key: as far across as up, to the eye.
    pub(in super::super) fn panned_towards(self, towards: Towards) -> Self {
        match towards {
            Towards::Left => self.panned(-2 * PAN_STEP, 0),
            Towards::Right => self.panned(2 * PAN_STEP, 0),
            Towards::Up => self.panned(0, -PAN_STEP),
            Towards::Down => self.panned(0, PAN_STEP),
        }
    }

    /// Columns to the right and rows down that the picture is moved by.
    pub(super) fn pan(&self) -> (i32, i32) {
        self.pan
    }

    /// What a tick does.
    pub(in super::super) fn later(self) -> Self {
        if self.is_rotating { self.turned_by(TICK_STEP) } else { self }
    }

    pub(in super::super) fn with_rotation_toggled(self) -> Self {
        Self { is_rotating: !self.is_rotating, ..self }
    }

    pub(in super::super) fn steeper(self) -> Self {
        Self { height: (self.height + 1).min(HEIGHTS.len() - 1), ..self }
    }

    pub(in super::super) fn flatter(self) -> Self {
        Self { height: self.height.saturating_sub(1), ..self }
    }

    pub(in super::super) fn closer(self) -> Self {
        Self { zoom: (self.zoom + 1).min(ZOOM_MOST), ..self }
    }

    pub(in super::super) fn farther(self) -> Self {
        Self { zoom: self.zoom.saturating_sub(1), ..self }
    }

    /// As at the beginning, but for what turns by itself.
    pub(in super::super) fn reset(self) -> Self {
        Self { is_rotating: self.is_rotating, ..Self::default() }
    }

    fn turned_by(self, degrees: i32) -> Self {
        Self { turn: (self.turn + degrees).rem_euclid(360), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_turn_is_none() {
        let pose = Pose::default();
        let turned = (0..72).fold(pose, |pose, _| pose.turned(Towards::Right));
        assert_eq!(turned, pose);
        let back = (0..72).fold(pose, |pose, _| pose.turned(Towards::Left));
        assert_eq!(back, pose);
        let rotating = pose.with_rotation_toggled();
        assert_eq!((0..120).fold(rotating, |pose, _| pose.later()), rotating);
        assert_eq!(pose.later(), pose, "nothing moves by itself until it is asked to");
    }

    #[test]
    fn everything_has_an_end() {
        let pose = Pose::default();
        let often = |step: fn(Pose) -> Pose| (0..99).fold(pose, |pose, _| step(pose));
        assert_eq!(often(|pose| pose.turned(Towards::Up)).tilt(), 90);
        assert_eq!(often(|pose| pose.turned(Towards::Down)).tilt(), 0);
        assert_eq!((often(Pose::steeper).height(), often(Pose::flatter).height()), (6.0, 0.25));
        assert_eq!(often(Pose::farther).zoom(), 1.0);
        assert_eq!(often(Pose::closer).reset(), pose);
        assert_eq!(often(|pose| pose.panned_towards(Towards::Up)).pan(), (0, -198));
        assert_eq!(pose.panned(i32::MAX, i32::MIN).pan(), (PAN_MOST, -PAN_MOST));
        assert_eq!(pose.panned(3, 4).reset(), pose);
    }
}
