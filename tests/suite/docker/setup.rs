//! The scripts that set hosts up, on hosts: a Debian of its own, and two machines made of network namespaces with an sshd each.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::harness::{Host, Nodes, Process, within};

const LIMIT: Duration = Duration::from_secs(30);

fn script(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy")).join(name)
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs to its end beside everything else; nobody can be asked.
async fn run(mut command: Command) -> Output {
    command.stdin(std::process::Stdio::null());
    let started = format!("{command:?}");
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
    ended.unwrap_or_else(|error| panic!("{started}: {error}. tests/all.sh installs it"))
}

async fn done(command: Command) -> String {
    let output = run(command).await;
    assert!(output.status.success(), "{}", words(&output));
    words(&output)
}

/// A Debian with nothing in it, which uses this machine's sources of packages.
struct Debian {
    host: Host,
}

impl Debian {
    async fn new() -> Self {
        let debian = Self { host: Host::new() };
        let mut make = Command::new("sh");
        make.arg("-euc").arg(
            r#"mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)
            debootstrap --variant=minbase bookworm "$0" ${mirror:+"$mirror"}
            rm -rf "$0"/etc/apt/sources.list*
            cp -r /etc/apt/. "$0/etc/apt/"
            cp -r /usr/share/keyrings/. "$0/usr/share/keyrings/"
            cp /etc/resolv.conf /etc/hosts "$0/etc/"
            cp "$1" "$0/install-docker.sh"
            printf '#!/bin/sh\nexit 101\n' >"$0/usr/sbin/policy-rc.d"
            chmod +x "$0/usr/sbin/policy-rc.d""#,
        );
        make.arg(debian.root()).arg(script("install-docker.sh"));
        done(make).await;
        debian
    }

    fn root(&self) -> PathBuf {
        self.host.path("root")
    }

    /// Runs words in it. In a mount namespace of their own: what they mount ends with them.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-euc"]);
        command.arg(r#"mount -t proc proc "$0/proc"; exec chroot "$0" "$@""#).arg(self.root()).args(words);
        command
    }
}

#[tokio::test]
async fn docker_is_installed_from_the_distribution_and_the_second_time_nothing_is_done() {
    let debian = Debian::new().await;
    let said = done(debian.command(&["/install-docker.sh", "--from-distribution", "--dry-run"])).await;
    assert!(said.contains("docker.io") && said.contains("nothing was done"), "{said}");
    assert!(!run(debian.command(&["dockerd", "--version"])).await.status.success(), "a dry run installs nothing");
    let said = done(debian.command(&["/install-docker.sh", "--from-distribution"])).await;
    assert!(said.contains("+ env DEBIAN_FRONTEND=noninteractive apt-get install"), "it says what it does: {said}");
    assert!(said.contains("done: Docker version"), "{said}");
    done(debian.command(&["docker", "--version"])).await;
    done(debian.command(&["docker-compose", "--version"])).await;
    let said = done(debian.command(&["/install-docker.sh", "--from-distribution"])).await;
    assert!(said.contains("installed already") && !said.contains("+ "), "{said}");
    let said = done(debian.command(&["/install-docker.sh", "--from-distribution", "--reinstall"])).await;
    assert!(!said.contains("apt-get install"), "nothing is missing: {said}");
    a_wrong_key_costs_nothing(&debian).await;
}

/// Puts something in the place of curl: whatever is asked for, this is the answer.
fn answer_curl(debian: &Debian, answer: &str) {
    let folder = debian.root().join("stub");
    std::fs::create_dir_all(&folder).expect("a directory");
    std::fs::write(folder.join("answer"), answer).expect("a file");
    let script = "#!/bin/sh\nwhile [ \"$1\" != --output ]; do shift; done\ncp /stub/answer \"$2\"\n";
    std::fs::write(folder.join("curl"), script).expect("a script");
    std::fs::set_permissions(folder.join("curl"), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// Nothing is removed for Docker's own packages before their key is known to be Docker's.
async fn a_wrong_key_costs_nothing(debian: &Debian) {
    let said = done(debian.command(&["/install-docker.sh", "--reinstall", "--dry-run"])).await;
    let steps = ["https://download.docker.com/linux/debian/gpg", "docker.list", "--download-only", "apt-get remove -y -qq docker.io"];
    let places: Vec<usize> = steps.iter().map(|step| said.find(step).unwrap_or_else(|| panic!("{step}: {said}"))).collect();
    assert!(places.is_sorted(), "{said}");

    let keyring = debian.root().join("etc/apt/keyrings/docker.asc");
    std::fs::create_dir_all(keyring.parent().expect("a directory")).expect("a directory");
    std::fs::write(&keyring, "the key that is there").expect("a file");
    answer_curl(debian, "no key at all");
    let stubbed = ["env", "PATH=/stub:/usr/sbin:/usr/bin:/sbin:/bin", "/install-docker.sh", "--reinstall"];
    let refused = run(debian.command(&stubbed)).await;
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    let said = words(&refused);
    assert!(said.contains("has the fingerprint of nothing") && said.contains("nothing was removed"), "{said}");
    assert_eq!(std::fs::read_to_string(&keyring).expect("it stays"), "the key that is there");
    assert!(!keyring.with_extension("asc.fetched").exists(), "what was fetched is gone");
    done(debian.command(&["dockerd", "--version"])).await;
}

/// Two engines on one wire, and a way into each by ssh.
struct Machines {
    host: Host,
    nodes: Nodes,
    doors: Vec<Process>,
}

impl Machines {
    async fn new() -> Self {
        let nodes = Nodes::swarm(2).await;
        // They are to begin without one.
        for engine in nodes.all().iter().rev() {
            engine.docker(&["swarm", "leave", "--force"]).await;
        }
        let host = Host::new();
        let mut doors = Vec::new();
        let mut config = String::new();
        for (number, engine) in nodes.all().iter().enumerate() {
            doors.push(open_door(&host, number, engine.address(), &engine.host()).await);
            config += &format!(
                "Host machine{number}\n HostName {}\n User root\n IdentityFile {}\n StrictHostKeyChecking accept-new\n UserKnownHostsFile {}\n",
                engine.address(),
                host.path("key").display(),
                host.path("known").display(),
            );
        }
        std::fs::write(host.path("ssh_config"), config).expect("the config is written");
        Self { host, nodes, doors }
    }

    fn script(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(script(name));
        command.args(arguments).arg("--ssh-config").arg(self.host.path("ssh_config"));
        command
    }

    /// What the first machine's engine says.
    async fn manager(&self, arguments: &[&str]) -> String {
        self.nodes.manager().docker(arguments).await
    }

    /// What each engine says of its own place in a Swarm.
    async fn places(&self) -> Vec<String> {
        let mut places = Vec::new();
        for engine in self.nodes.all() {
            places.push(engine.docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]).await);
        }
        places
    }

    /// The machines as the script is told of them: the addresses of the wire are no private ones.
    fn named(&self) -> [String; 2] {
        [0, 1].map(|number| format!("machine{number}={}", self.nodes.all()[number].address()))
    }
}

/// An sshd in the engine's network namespace, whose users speak to that engine.
async fn open_door(host: &Host, number: usize, address: &str, engine: &str) -> Process {
    let (key, of_host) = (host.path("key"), host.path(&format!("host-key-{number}")));
    for path in [&key, &of_host] {
        if !path.exists() {
            let mut make = Command::new("ssh-keygen");
            make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path);
            done(make).await;
        }
    }
    // Where sshd puts down its rights.
    std::fs::create_dir_all("/run/sshd").expect("a directory");
    let config = host.path(&format!("sshd-{number}"));
    let text = format!(
        "ListenAddress {}:22\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         PermitRootLogin prohibit-password\nSetEnv DOCKER_HOST={}\n",
        address,
        of_host.display(),
        key.with_extension("pub").display(),
        engine,
    );
    std::fs::write(&config, text).expect("the config is written");
    let run = PathBuf::from(engine.trim_start_matches("unix://"));
    let pid = std::fs::read_to_string(run.with_file_name("pid")).expect("the engine runs");
    let mut sshd = Command::new("nsenter");
    sshd.arg(format!("--net=/proc/{}/ns/net", pid.trim())).args(["/usr/sbin/sshd", "-D", "-e", "-f"]).arg(config);
    let process = Process::start(&mut sshd, &host.path("sshd.log"));
    let address = format!("{address}:22");
    within(LIMIT, "sshd listens", || async { TcpStream::connect(&address).await.ok() }).await;
    process
}

#[tokio::test]
async fn a_swarm_is_made_over_ssh_and_made_again_without_a_change_and_taken_down_when_somebody_says_yes() {
    let machines = Machines::new().await;
    let [first, second] = machines.named();
    let arguments = [first.as_str(), second.as_str()];
    let said = done(machines.script("swarm-setup.sh", &[&["--dry-run"], &arguments[..]].concat())).await;
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(machines.manager(&["info", "--format", "{{.Swarm.LocalNodeState}}"]).await, "inactive");

    let said = done(machines.script("swarm-setup.sh", &arguments)).await;
    assert!(said.contains("machine0 + docker swarm init") && said.contains("machine1 + docker swarm join --token SWMTKN-..."), "{said}");
    // Without that name, stack.yml is refused.
    assert!(said.contains(": ALLSWELL_WATCHERS=http://WATCHER:7700 docker stack deploy -c stack.yml"), "{said}");
    assert_eq!(machines.manager(&["node", "ls", "--format", "{{.Status}}"]).await, "Ready\nReady");
    assert_eq!(machines.manager(&["info", "--format", "{{.Swarm.NodeAddr}}"]).await, machines.nodes.manager().address());
    let network = machines.manager(&["network", "inspect", "--format", "{{.Driver}} {{.Attachable}}", "allswell"]).await;
    assert_eq!(network, "overlay true");
    let mut labels = Vec::new();
    for engine in machines.nodes.all() {
        let id = engine.docker(&["info", "--format", "{{.Swarm.NodeID}}"]).await;
        labels.push(machines.manager(&["node", "inspect", "--format", "{{json .Spec.Labels}}", &id]).await);
    }
    assert_eq!(labels, [r#"{"allswell.edge":"true"}"#, r#"{"allswell.app":"true"}"#]);

    let again = done(machines.script("swarm-setup.sh", &arguments)).await;
    assert!(!again.contains(" + "), "nothing is left to do: {again}");

    let declined = run(machines.script("teardown.sh", &[&["--swarm"], &arguments[..]].concat())).await;
    assert_eq!(declined.status.code(), Some(7), "{}", words(&declined));
    assert_eq!(machines.manager(&["info", "--format", "{{.Swarm.LocalNodeState}}"]).await, "active");
    done(machines.script("teardown.sh", &[&["--swarm", "--yes"], &arguments[..]].concat())).await;
    assert_eq!(machines.places().await, ["inactive", "inactive"]);
}

#[tokio::test]
async fn a_worker_that_does_not_answer_holds_up_no_other_is_named_and_leaves_by_the_next_run() {
    let mut machines = Machines::new().await;
    let [first, second] = machines.named();
    done(machines.script("swarm-setup.sh", &[&first, &second])).await;
    drop(machines.doors.pop());
    let teardown = ["--swarm", "--yes", first.as_str(), second.as_str()];
    let left = run(machines.script("teardown.sh", &teardown)).await;
    assert_eq!(left.status.code(), Some(1), "{}", words(&left));
    assert!(words(&left).contains("1 of 2 did not leave: machine1."), "{}", words(&left));
    let places = machines.places().await;
    assert!(places[0] == "inactive" && places[1] != "inactive", "{places:?}");

    let worker = &machines.nodes.all()[1];
    let _door = open_door(&machines.host, 1, worker.address(), &worker.host()).await;
    done(machines.script("teardown.sh", &teardown)).await;
    assert_eq!(machines.places().await, ["inactive", "inactive"]);
}

#[tokio::test]
async fn a_machine_of_another_swarm_is_not_taken_from_it() {
    let machines = Machines::new().await;
    let [first, second] = machines.named();
    let worker = &machines.nodes.all()[1];
    worker.docker(&["swarm", "init", "--advertise-addr", worker.address()]).await;
    let refused = run(machines.script("swarm-setup.sh", &[&first, &second])).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(words(&refused).contains("machine1: it belongs to another Swarm"), "{}", words(&refused));
}
