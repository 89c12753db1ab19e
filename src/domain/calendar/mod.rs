//! Calendar expressions of systemd (`OnCalendar=`): `Mon..Fri *-*-* 08..16/4:00`, after systemd.time(7) and `calendarspec.c`.

mod expression;
mod field;
mod next;
mod reader;
mod search;

pub use expression::Calendar;
