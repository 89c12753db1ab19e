//! Who was told what, and who would not hear of what.

use maud::{Markup, html};

use super::words::{ago, badge};
use crate::domain::moment::Moment;
use crate::monitor::overview::{NoticeView, Overview};

/// The newest notices with their receipts.
pub(super) fn newest(overview: &Overview) -> Markup {
    html! {
        section {
            h2 { "Notices" }
            @if overview.notices.is_empty() { p.none { "Nothing was to be told yet." } }
            @else { div.scroll { table {
                thead { tr { th { "what" } th { "channel" } th { "written" } th { "receipt" } } }
                tbody { @for notice in &overview.notices { tr {
                    td.long { (notice.headline) }
                    td data-label="to" { (notice.channel) }
                    td data-label="written" { (ago(notice.at, overview.now)) }
                    td { (receipt(notice, overview.now)) }
                } } }
            } } }
        }
    }
}

fn receipt(notice: &NoticeView, now: Moment) -> Markup {
    html! {
        @match (notice.taken_at, &notice.last_error) {
            (Some(taken_at), _) => { (badge("good", "taken")) " " (ago(taken_at, now)) @if let Some(receipt) = &notice.receipt { div.aside { (receipt) } } }
            (None, Some(error)) => { (badge("bad", "not taken")) " tried " (notice.attempts) "×" div.reason { (error) } }
            (None, None) => (badge("quiet", "waiting")),
        }
    }
}

/// What is muted, paused or under maintenance now.
pub(super) fn quiet(overview: &Overview) -> Markup {
    html! {
        @if !overview.quiet.is_empty() {
            section.gaps { h2 { "Quiet now" } ul { @for words in &overview.quiet { li { (words) } } } }
        }
    }
}

/// What nobody would hear of.
pub(super) fn gaps(overview: &Overview) -> Markup {
    html! {
        @if !overview.unheard.is_empty() {
            section.gaps { h2 { "Who would not hear of what" } ul { @for gap in &overview.unheard { li { (gap) } } } }
        }
    }
}
