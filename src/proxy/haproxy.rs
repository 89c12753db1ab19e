//! HAProxy, by its runtime socket. One word in a map says which colour is live and under which epoch, so that a request claims both at once;
//! the map's file is what a reload reads.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::control::{ControlError, Load, Permit, ProxyState, ShiftOrder};
use super::standing::{PATIENCE, Standing, Turn, accept, ordered, set_right};
use crate::domain::answers::{Answers, BothAnswers};
use crate::domain::colour::Colour;
use crate::files;
use crate::net::client::io_words;
use crate::settings::Section;

/// The map's only key.
const KEY: &str = "live";

/// `[proxy]` with `kind = "haproxy"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaproxySettings {
    /// Its runtime socket, of level admin. Default: `/run/haproxy/admin.sock`.
    pub socket: PathBuf,
    /// The file of the map that its config names, absolute or in the state directory. Default: `allswell.map`.
    pub map: PathBuf,
}

impl HaproxySettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self { socket: section.text_or("socket", "/run/haproxy/admin.sock").into(), map: section.text_or("map", "allswell.map").into() }
    }
}

/// Drives it.
#[derive(Debug, Clone)]
pub struct Haproxy {
    socket: PathBuf,
    map: PathBuf,
    turn: PathBuf,
    limit: Duration,
}

/// The columns of `show stat` by name, a row for each server and each backend.
type Rows = Vec<BTreeMap<String, String>>;

impl Haproxy {
    /// Of these settings, with its paths in this directory; each call gives up after `limit`.
    #[must_use]
    pub fn new(settings: &HaproxySettings, state: &Path, limit: Duration) -> Self {
        Self { socket: settings.socket.clone(), map: state.join(&settings.map), turn: state.join("proxy.lock"), limit }
    }

    /// The backend of a colour, as HAProxy's config has to call it.
    #[must_use]
    pub fn backend(colour: Colour) -> String {
        format!("allswell_{colour}")
    }

    /// Writes the map where there is none: HAProxy does not start without it.
    ///
    /// # Errors
    /// As the operating system says.
    pub(super) fn prepare(&self, first_live: Colour) -> std::io::Result<()> {
        if self.map.exists() { Ok(()) } else { self.write(Standing { live: first_live, epoch: 0 }) }
    }

    /// What is live, and what each colour has to do.
    pub(super) async fn state(&self) -> Result<ProxyState, ControlError> {
        let (standing, rows) = (self.standing().await?, self.rows().await?);
        let (live, epoch) = standing.map_or((None, 0), |standing| (Some(standing.live), standing.epoch));
        let (blue, green) = (load(&rows, Colour::Blue)?, load(&rows, Colour::Green)?);
        Ok(ProxyState { live, epoch, by: None, blue, green, answers: answers(&rows) })
    }

    /// What a colour has to do.
    pub(super) async fn load(&self, colour: Colour) -> Result<Load, ControlError> {
        load(&self.rows().await?, colour)
    }

    /// What somebody should look at. The file is set right where it does not say what is served: whoever changed it may have been killed
    /// before the map was changed.
    pub(super) async fn warning(&self) -> Result<Option<String>, ControlError> {
        if self.disagreement().await?.is_none() {
            return Ok(None);
        }
        // Whoever has the turn sees to both. What was said before it was ours may have been changed since.
        let Ok(_turn) = Turn::at_once(&self.turn) else { return Ok(None) };
        let disagreement = self.disagreement().await?;
        Ok(disagreement.and_then(|(served, written)| set_right(&self.map, written, served, self.write(served))))
    }

    /// What is served, and what the file says instead; none where it says the same.
    async fn disagreement(&self) -> Result<Option<(Standing, Option<Standing>)>, ControlError> {
        let written = self.written();
        Ok(self.standing().await?.filter(|served| Some(*served) != written).map(|served| (served, written)))
    }

    /// The longest that an order takes, with the question of what stands that comes before it: its turn, and eight calls.
    pub(super) fn longest_order(&self) -> Duration {
        PATIENCE + self.limit * 8
    }

    /// Makes a colour live.
    pub(super) async fn shift(&self, order: ShiftOrder, still_ours: impl Permit) -> Result<ProxyState, ControlError> {
        let turn = Turn::take(&self.turn).await?;
        let old = self.standing().await.map_err(refused)?;
        accept(order, old.map_or(0, |old| old.epoch))?;
        still_ours.await.map_err(ControlError::Withdrawn)?;
        let (this, new) = (self.clone(), Standing::after(order));
        turn.through(async move { this.carry_out(old, new).await }).await
    }

    /// The file first, so that a reload meanwhile keeps the new colour; then the map that is used.
    async fn carry_out(&self, old: Option<Standing>, new: Standing) -> Result<ProxyState, ControlError> {
        let kept = std::fs::read(&self.map);
        self.write(new).map_err(|error| {
            ControlError::Refused(format!("HAProxy's map {} cannot be written: {error}. Nothing was changed", self.map.display()))
        })?;
        match self.set(old, new).await {
            Ok(()) => self.state().await.map_err(ordered),
            Err(error @ (ControlError::Silent(..) | ControlError::Unknown(_))) => Err(error),
            Err(error @ (ControlError::Refused(_) | ControlError::Stale(_) | ControlError::Withdrawn(_))) => {
                // What is served is put back, whatever the file said: a reload must not do what the socket refused.
                let put_back = match old {
                    Some(old) => self.write(old),
                    None => kept.and_then(|kept| self.replace(&kept)),
                };
                match put_back {
                    Ok(()) => Err(error),
                    Err(lost) => Err(ControlError::Unknown(format!("{error}. {} could not be put back: {lost}", self.map.display()))),
                }
            }
        }
    }

    /// Ends the sessions of every server of an idle colour.
    pub(super) async fn cut(&self, colour: Colour) -> Result<ProxyState, ControlError> {
        if self.standing().await?.is_none_or(|standing| standing.live == colour) {
            return Err(ControlError::Refused(format!("{colour} is live, or live is undefined: nothing is cut")));
        }
        let backend = Self::backend(colour);
        let rows = self.rows().await?;
        for row in rows.iter().filter(|row| row.get("pxname") == Some(&backend)) {
            let server = row.get("svname").map(String::as_str).unwrap_or_default();
            if !["BACKEND", "FRONTEND"].contains(&server) {
                self.ask(&format!("shutdown sessions server {backend}/{server}")).await?;
            }
        }
        self.state().await
    }

    /// None where the map says nothing that we have written.
    async fn standing(&self) -> Result<Option<Standing>, ControlError> {
        let said = self.ask(&format!("show map {}", self.map.display())).await?;
        if said.starts_with("Unknown map") {
            let why = format!("HAProxy uses no map {}: allswell snippet says what its config needs", self.map.display());
            return Err(ControlError::Refused(why));
        }
        let entry = said.lines().find_map(|line| line.split_once(' ')?.1.strip_prefix(KEY)?.strip_prefix(' '));
        Ok(entry.and_then(|value| value.parse().ok()))
    }

    async fn set(&self, old: Option<Standing>, new: Standing) -> Result<(), ControlError> {
        let verb = if old.is_some() { "set" } else { "add" };
        if old.is_none() {
            self.ask(&format!("clear map {}", self.map.display())).await?;
        }
        let said = self.ask(&format!("{verb} map {} {KEY} {new}", self.map.display())).await?;
        let stands = self.standing().await?;
        if stands == Some(new) { Ok(()) } else { Err(ControlError::Refused(format!("HAProxy: {}", said.trim()))) }
    }

    /// What the file says; none where it says no colour, or cannot be read.
    fn written(&self) -> Option<Standing> {
        let text = std::fs::read_to_string(&self.map).ok()?;
        text.lines().find_map(|line| line.strip_prefix(KEY)?.strip_prefix(' '))?.parse().ok()
    }

    async fn rows(&self) -> Result<Rows, ControlError> {
        Ok(parse(&self.ask("show stat").await?))
    }

    fn write(&self, standing: Standing) -> std::io::Result<()> {
        self.replace(format!("{KEY} {standing}\n").as_bytes())
    }

    /// There is no secret in it, and HAProxy may be another user.
    fn replace(&self, content: &[u8]) -> std::io::Result<()> {
        files::replace(&self.map, content)?;
        std::fs::set_permissions(&self.map, Permissions::from_mode(0o644))
    }

    async fn ask(&self, command: &str) -> Result<String, ControlError> {
        let silent = |why: String| ControlError::Silent(self.socket.clone(), why);
        let exchange = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(format!("{command}\n").as_bytes()).await?;
            let mut said = String::new();
            stream.read_to_string(&mut said).await?;
            Ok::<_, std::io::Error>(said)
        };
        let said = timeout(self.limit, exchange).await.map_err(|_| silent("no answer in time".to_owned()))?;
        let said = said.map_err(|error| silent(io_words(&error)))?;
        if said.starts_with("Permission denied") {
            return Err(ControlError::Refused(format!("HAProxy's socket {} is not of level admin", self.socket.display())));
        }
        Ok(said)
    }
}

/// Nothing was sent yet: whatever is wrong, nothing was changed.
fn refused(error: ControlError) -> ControlError {
    match error {
        ControlError::Silent(..) => ControlError::Refused(format!("{error}. Nothing was changed")),
        ControlError::Stale(_) | ControlError::Refused(_) | ControlError::Withdrawn(_) | ControlError::Unknown(_) => error,
    }
}

/// `# pxname,svname,...` and a line each.
pub(super) fn parse(text: &str) -> Rows {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    lines.map(|line| names.iter().zip(line.split(',')).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect()).collect()
}

fn backend_row(rows: &Rows, colour: Colour) -> Option<&BTreeMap<String, String>> {
    let backend = Haproxy::backend(colour);
    rows.iter().find(|row| row.get("pxname") == Some(&backend) && row.get("svname").is_some_and(|name| name == "BACKEND"))
}

fn number(row: &BTreeMap<String, String>, name: &str) -> Option<u64> {
    row.get(name)?.parse().ok()
}

/// HAProxy counts a WebSocket as a session like any other.
pub(super) fn load(rows: &Rows, colour: Colour) -> Result<Load, ControlError> {
    let row = backend_row(rows, colour)
        .ok_or_else(|| ControlError::Refused(format!("HAProxy has no backend {}: allswell snippet has one", Haproxy::backend(colour))))?;
    Ok(Load { in_flight: number(row, "scur").unwrap_or(0), streams: 0 })
}

/// What the colours have answered since HAProxy's start.
fn answers(rows: &Rows) -> Option<BothAnswers> {
    let of = |colour| {
        let row = backend_row(rows, colour)?;
        Some(Answers { total: number(row, "req_tot")?, failed: number(row, "hrsp_5xx")? })
    };
    Some(BothAnswers { blue: of(Colour::Blue)?, green: of(Colour::Green)? })
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_backends_sessions_are_found_by_the_names_of_the_columns() {
        let text = "# pxname,svname,qcur,scur,hrsp_5xx,req_tot,\nallswell_blue,blue-1,0,3,1,9,\nallswell_blue,BACKEND,0,4,1,9,\n\n";
        let rows = parse(text);
        assert_eq!(load(&rows, Colour::Blue).unwrap(), Load { in_flight: 4, streams: 0 });
        assert_eq!(answers(&rows), None, "only blue's are known");
        let missing = load(&rows, Colour::Green).unwrap_err().to_string();
        assert!(missing.contains("no backend allswell_green"), "{missing}");
    }

    /// A driver, with a map that says blue:0 and a runtime socket that answers by this.
    fn driven(folder: &Path, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Haproxy {
        let settings = HaproxySettings { socket: folder.join("sock"), map: "a.map".into() };
        let listener = tokio::net::UnixListener::bind(&settings.socket).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut command = [0; 256];
                let length = stream.read(&mut command).await.unwrap();
                let said = answer(std::str::from_utf8(&command[..length]).unwrap());
                stream.write_all(said.as_bytes()).await.unwrap();
            }
        });
        let driver = Haproxy::new(&settings, folder, Duration::from_secs(5));
        driver.prepare(Colour::Blue).unwrap();
        driver
    }

    /// Blue is live, and stays so whatever it is told.
    fn stubborn(command: &str) -> String {
        if command.starts_with("show map") { "0x1 live blue:3\n\n".to_owned() } else { "Permission denied\n\n".to_owned() }
    }

    fn to_green(epoch: u64) -> ShiftOrder {
        ShiftOrder { to: Colour::Green, epoch }
    }

    #[tokio::test]
    async fn what_the_socket_refuses_does_not_stay_in_the_file_either() {
        let folder = tempfile::tempdir().unwrap();
        let driver = driven(folder.path(), stubborn);
        let refused = driver.shift(to_green(4), ready(Ok(()))).await;
        assert!(matches!(&refused, Err(ControlError::Refused(why)) if why.contains("level admin")), "{refused:?}");
        assert_eq!(std::fs::read_to_string(folder.path().join("a.map")).unwrap(), "live blue:3\n", "what is served, not what was there");
        assert!(matches!(driver.shift(to_green(3), ready(Ok(()))).await, Err(ControlError::Stale(_))));
    }

    #[tokio::test]
    async fn what_cannot_be_put_back_into_the_file_is_no_refusal() {
        let folder = tempfile::tempdir().unwrap();
        let map = folder.path().join("a.map");
        let driver = driven(folder.path(), move |command| {
            if command.starts_with("set map") {
                // From now on nothing can be written there.
                std::fs::remove_file(&map).unwrap();
                std::fs::create_dir(&map).unwrap();
            }
            stubborn(command)
        });
        let unknown = driver.shift(to_green(4), ready(Ok(()))).await;
        assert!(matches!(&unknown, Err(ControlError::Unknown(why)) if why.contains("a.map could not be put back")), "{unknown:?}");
    }

    #[tokio::test]
    async fn a_shift_that_was_made_is_not_refused_by_what_is_asked_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let live = Mutex::new("blue:3".to_owned());
        let driver = driven(folder.path(), move |command| {
            let mut live = live.lock().unwrap();
            if command.starts_with("set map") {
                *live = command.split_whitespace().last().unwrap().to_owned();
            }
            // Its statistics name no backend.
            if command.starts_with("show map") { format!("0x1 live {live}\n\n") } else { "\n".to_owned() }
        });
        let unknown = driver.shift(to_green(4), ready(Ok(()))).await;
        assert!(matches!(&unknown, Err(ControlError::Unknown(why)) if why.contains("no backend allswell_blue")), "{unknown:?}");
        assert_eq!(std::fs::read_to_string(folder.path().join("a.map")).unwrap(), "live green:4\n");
    }

    #[tokio::test]
    async fn a_file_is_not_set_back_to_what_was_served_before_a_shift_that_has_ended_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let map = folder.path().join("a.map");
        // The map follows the file right after its first answer.
        let has_followed = Mutex::new(false);
        let driver = driven(folder.path(), move |_| {
            let green = std::mem::replace(&mut *has_followed.lock().unwrap(), true);
            format!("0x1 live {}\n\n", if green { "green:4" } else { "blue:3" })
        });
        std::fs::write(&map, "live green:4\n").unwrap();
        assert_eq!(driver.warning().await.unwrap(), None);
        assert_eq!(std::fs::read_to_string(&map).unwrap(), "live green:4\n");
    }

    #[tokio::test]
    async fn a_file_is_set_right_by_what_is_served_unless_somebody_is_changing_both() {
        let folder = tempfile::tempdir().unwrap();
        let map = folder.path().join("a.map");
        let says = || std::fs::read_to_string(&map).unwrap();
        let driver = driven(folder.path(), stubborn);
        let turn = Turn::at_once(&folder.path().join("proxy.lock")).unwrap();
        assert_eq!((driver.warning().await.unwrap(), says()), (None, "live blue:0\n".to_owned()));
        drop(turn);
        // Not at once: a child that another test starts just now has the turn until its exec.
        let setting = async {
            while says() == "live blue:0\n" {
                assert_eq!(driver.warning().await.unwrap(), None);
            }
        };
        timeout(Duration::from_secs(20), setting).await.unwrap();
        assert_eq!(says(), "live blue:3\n");
        std::fs::remove_file(&map).unwrap();
        std::fs::create_dir(&map).unwrap();
        let telling = async {
            loop {
                if let Some(told) = driver.warning().await.unwrap() {
                    return told;
                }
            }
        };
        let told = timeout(Duration::from_secs(20), telling).await.unwrap();
        assert!(told.starts_with("blue:3 is served, ") && told.contains("a.map says no colour and cannot be written"), "{told}");
    }
}
