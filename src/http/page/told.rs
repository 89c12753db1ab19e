//! Who was told what.

use maud::{Markup, html};

use super::advice::{argument, command};
use super::words::{ago, badge, empty};
use crate::domain::moment::Moment;
use crate::monitor::overview::{NoticeView, Overview};

/// The newest notices with their receipts; those first that nobody has taken.
pub(super) fn newest(overview: &Overview) -> Markup {
    const MOST: usize = 3;
    let mut notices: Vec<&NoticeView> = overview.notices.iter().collect();
    notices.sort_by_key(|notice| notice.taken_at.is_some() || notice.last_error.is_none());
    html! {
        section aria-labelledby="told" {
            h2 #told { "Told" }
            @if notices.is_empty() { (empty("Nothing was to be told yet.", &html! { "Try a channel: " (command("allswell test-channel NAME")) })) }
            @else { ul.told { @for notice in notices.into_iter().take(MOST) { li {
                span.headline { (notice.headline) }
                span.aside { " to " (notice.channel) ", " (ago(notice.at, overview.now)) } " "
                (receipt(notice, overview.now))
            } } } }
        }
    }
}

fn receipt(notice: &NoticeView, now: Moment) -> Markup {
    html! {
        @match (notice.taken_at, &notice.last_error) {
            (Some(taken_at), _) => { (badge("good", "taken")) span.aside { " " (ago(taken_at, now)) } }
            (None, Some(error)) => {
                (badge("bad", "not taken")) span.aside { " tried " (notice.attempts) "×" }
                div.reason { (error) }
                div.next { (command(&format!("allswell test-channel {}", argument(&notice.channel)))) }
            }
            (None, None) => (badge("quiet", "waiting")),
        }
    }
}
