//! `allswell logs`: what a colour's instances say.

use std::sync::{Mutex, PoisonError};

use clap::Args;
use serde_json::json;
use tokio::sync::Notify;

use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::reach::Reach;
use super::role::told_to_end;
use super::screen;
use crate::domain::colour::Colour;
use crate::runtime::driver::Driver;
use crate::runtime::process::driver::ProcessDriver;

/// What a colour's instances have said
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Which colour
    colour: Colour,
    /// Go on with what they say, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only the last lines of each instance. Default: all that is kept
    #[arg(long, short = 'n', value_name = "COUNT")]
    lines: Option<usize>,
}

/// Prints it, each line after its instance where there are several.
///
/// # Errors
/// Exit code 1 where the output cannot be read; 8 where nothing has ever run here, or where the runtime does not answer.
pub async fn run(operator: &Operator, args: &LogsArgs) -> Outcome {
    let driver = driver(operator)?;
    let several = args.follow && has_several(&driver, args.colour).await;
    let printer = Printer::new(operator.json, args.follow, several);
    let each = |instance: &str, line: &str| printer.print(instance, line);
    let told = told_to_end()?;
    tokio::select! {
        read = driver.logs(args.colour, args.lines, args.follow, &each) => read?,
        // `| head`: whoever read has seen enough.
        () = printer.gone.notified() => {}
        // Ended here, so that a command of the user's own that reads for us ends with us.
        () = told => {}
    }
    printer.end();
    Ok(Exit::Done)
}

async fn has_several(driver: &Driver, colour: Colour) -> bool {
    driver.instances().await.is_ok_and(|all| all.iter().filter(|instance| instance.colour == colour).count() > 1)
}

/// What runs the instances; without a config they are processes, whose files say everything.
fn driver(operator: &Operator) -> Result<Driver, Trouble> {
    if operator.options.config_path().exists() {
        return Ok(Reach::of(operator)?.driver());
    }
    Ok(Driver::Process(ProcessDriver::new(operator.state()?, std::time::Duration::ZERO)))
}

/// Prints each line, after its instance where there are several. What is not followed is held back while only one has spoken.
struct Printer {
    json: bool,
    follow: bool,
    gone: Notify,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    several: bool,
    first: Option<String>,
    held: Vec<String>,
}

impl Printer {
    fn new(json: bool, follow: bool, several: bool) -> Self {
        Self { json, follow, gone: Notify::new(), heard: Mutex::new(Heard { several, ..Heard::default() }) }
    }

    fn print(&self, instance: &str, line: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let first = heard.first.get_or_insert_with(|| instance.to_owned()).clone();
        if !heard.several && first != instance {
            heard.several = true;
            std::mem::take(&mut heard.held).iter().for_each(|line| self.out(Some(&first), line));
        }
        if self.json {
            self.done(&screen::try_record(&json!({ "instance": instance, "line": line })));
        } else if heard.several {
            self.out(Some(instance), line);
        } else if self.follow {
            self.out(None, line);
        } else {
            heard.held.push(line.to_owned());
        }
    }

    /// Nobody else will speak.
    fn end(&self) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut heard.held).iter().for_each(|line| self.out(None, line));
    }

    fn out(&self, instance: Option<&str>, line: &str) {
        let before = instance.map(|instance| format!("{instance} | ")).unwrap_or_default();
        self.done(&screen::try_said(&before, line));
    }

    fn done(&self, printed: &std::io::Result<()>) {
        if printed.is_err() {
            self.gone.notify_one();
        }
    }
}
