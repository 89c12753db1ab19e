//! As much of WebSocket (RFC 6455, 5.2) as it takes to say goodbye between two frames.

/// Where one direction of a WebSocket is within its frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: Vec<u8>,
    payload_left: u64,
    has_closed: bool,
}

impl Frames {
    /// Notes bytes that pass. Says after how many of them a frame ended last.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut boundary = None;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if self.payload_left > 0 {
                let rest = u64::try_from(bytes.len() - at).unwrap_or(u64::MAX).min(self.payload_left);
                self.payload_left -= rest;
                at += usize::try_from(rest).unwrap_or(bytes.len());
            } else {
                self.header.push(*byte);
                at += 1;
                self.end_header();
            }
            if self.is_between() {
                boundary = Some(at);
            }
        }
        boundary
    }

    /// Whether nothing of a frame has passed that has not ended.
    pub(super) fn is_between(&self) -> bool {
        self.payload_left == 0 && self.header.is_empty()
    }

    /// Whether this direction has had its Close frame.
    pub(super) fn has_closed(&self) -> bool {
        self.has_closed
    }

    fn end_header(&mut self) {
        let [first, second, rest @ ..] = self.header.as_slice() else { return };
        let extended = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if rest.len() < extended + mask {
            return;
        }
        let length = rest.iter().take(extended).fold(0, |length, byte| length << 8 | u64::from(*byte));
        self.payload_left = if extended == 0 { u64::from(second & 0x7F) } else { length };
        self.has_closed |= first & 0x0F == 8;
        self.header.clear();
    }
}

/// *Going away* (1001), as a client masks it or as a server does not.
pub(super) fn going_away(is_masked: bool) -> Vec<u8> {
    let [high, low] = 1001_u16.to_be_bytes();
    if !is_masked {
        return vec![0x88, 2, high, low];
    }
    let mask: [u8; 4] = rand::random();
    [&[0x88, 0x82], mask.as_slice(), &[high ^ mask[0], low ^ mask[1]]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of each length form, masked and not.
    fn frames() -> Vec<Vec<u8>> {
        let long = [[0x82, 126, 1, 44].as_slice(), &[7; 300]].concat();
        let longest = [[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0].as_slice(), &[1, 2, 3, 4], &[7; 65_536]].concat();
        vec![vec![0x81, 0], vec![0x81, 0x83, 1, 2, 3, 4, 9, 9, 9], long, longest]
    }

    #[test]
    fn a_boundary_is_found_however_the_bytes_are_cut() {
        let all = frames().concat();
        let mut ends = Vec::new();
        frames().iter().fold(0, |end, frame| {
            ends.push(end + frame.len());
            end + frame.len()
        });
        for size in [1, 2, 3, 7, 1_000, all.len()] {
            let mut tracker = Frames::default();
            let mut at = 0;
            for piece in all.chunks(size) {
                let wanted = ends.iter().filter(|end| (at + 1..=at + piece.len()).contains(*end)).max();
                assert_eq!(tracker.pass(piece).map(|within| at + within).as_ref(), wanted, "pieces of {size} at {at}");
                at += piece.len();
            }
            assert!(tracker.is_between() && !tracker.has_closed());
        }
    }

    #[test]
    fn our_goodbye_is_a_close_frame() {
        for is_masked in [false, true] {
            let mut tracker = Frames::default();
            let goodbye = going_away(is_masked);
            assert_eq!(tracker.pass(&goodbye), Some(goodbye.len()));
            assert!(tracker.has_closed());
        }
    }
}
