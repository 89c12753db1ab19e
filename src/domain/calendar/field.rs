//! One field: which values it has.

/// Some values of a year, a month, ...; empty: every one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Field(pub(super) Vec<Values>);

/// `start`, `start..stop`, `start/every`, `start..stop/every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) start: i64,
    /// The last one; none: without end where there is a step, else `start` alone.
    pub(super) stop: Option<i64>,
    /// 0: no step.
    pub(super) every: i64,
}

impl Field {
    /// The first value from `from` on; none where there is none.
    pub(super) fn first_from(&self, from: i64) -> Option<i64> {
        if self.0.is_empty() { Some(from) } else { self.0.iter().filter_map(|values| values.first_from(from)).min() }
    }

    /// The days of a month of `length` days, where this field counts them from its end.
    pub(super) fn counted_back(&self, length: i64) -> Self {
        Self(self.0.iter().filter_map(|values| values.counted_back(length)).collect())
    }
}

impl Values {
    fn first_from(self, from: i64) -> Option<i64> {
        if self.start >= from {
            return Some(self.start);
        }
        if self.every == 0 {
            return None;
        }
        let steps = (from - self.start + self.every - 1) / self.every;
        let value = self.start + steps * self.every;
        self.stop.is_none_or(|stop| value <= stop).then_some(value)
    }

    /// 1 is the last day. A day that the month has not is left out.
    fn counted_back(self, length: i64) -> Option<Self> {
        let day = |back: i64| (1..=length).contains(&back).then(|| length + 1 - back);
        match self.stop {
            None => Some(Self { start: day(self.start)?, ..self }),
            Some(stop) => Some(Self { start: day(stop)?, stop: Some(day(self.start)?), every: self.every }),
        }
    }
}
