//! The life of an app on three nodes: deployed, scaled, rolled over, switched under load, stopped.

use std::collections::BTreeSet;

use super::system::{LIMIT, Swarm};
use crate::harness::system::reqwest_client;
use crate::harness::{Demo, Traffic, within};

/// Clients that keep their connections.
const CLIENTS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_lives_on_three_nodes_of_a_swarm_and_no_request_is_lost() {
    let swarm = Swarm::start(3, &[Demo::Bare("1"), Demo::Bare("2")], "").await;
    swarm.done(&["deploy", "blue", "--image", "bare:1", "--version", "1", "--yes"]).await;
    swarm.done(&["deploy", "green", "--image", "bare:1", "--version", "1", "--yes"]).await;
    answers_as(&swarm, "blue 1").await;

    let site = swarm.live();
    let traffic: Vec<Traffic> = (0..CLIENTS).map(|_| Traffic::to(&format!("{site}/whoami"))).collect();
    swarm.done(&["scale", "green", "3"]).await;
    let nodes: BTreeSet<String> =
        swarm.tasks("shop-green").await.iter().filter_map(|line| line.split(' ').nth(1).map(str::to_owned)).collect();
    assert_eq!(nodes.len(), 3, "one on each node: {nodes:?}");

    let rolled = swarm.done(&["deploy", "green", "--image", "bare:2", "--version", "2", "--yes"]).await;
    for told in ["shop-green.1 on", "shop-green.2 on", "shop-green.3 on"] {
        assert!(rolled.out.contains(told), "task by task: {rolled:?}");
    }
    assert_eq!(swarm.runs("shop-green").await, "bare:2 3/3");

    swarm.done(&["switch", "green"]).await;
    answers_as(&swarm, "green 2").await;
    swarm.done(&["scale", "blue", "0"]).await;
    assert_eq!(swarm.runs("shop-blue").await, "bare:1 0/0");
    swarm.done(&["deploy", "blue", "--yes"]).await;
    assert_eq!(swarm.runs("shop-blue").await, "bare:1 1/1", "a deploy starts a stopped colour, with the image that it had");
    swarm.done(&["switch", "blue"]).await;
    for one in &traffic {
        one.all_answered().await;
    }
    drop(traffic);

    swarm.done(&["scale", "green", "1"]).await;
    assert_eq!(swarm.runs("shop-green").await, "bare:2 1/1");
    let said = swarm.done(&["logs", "green"]).await;
    assert!(said.out.contains("the demo app listens"), "{said:?}");
    let asked = swarm.run(&["stop"]).await;
    assert_eq!(asked.code, 7, "nobody said yes: {asked:?}");
    assert_eq!(swarm.runs("shop-blue").await, "bare:1 1/1");
    swarm.done(&["stop", "--yes"]).await;
    assert_eq!((swarm.runs("shop-blue").await, swarm.runs("shop-green").await), ("bare:1 0/0".to_owned(), "bare:2 0/0".to_owned()));
}

async fn answers_as(swarm: &Swarm, wanted: &str) {
    let url = format!("{}/whoami", swarm.live());
    let asked = || async { Some(reqwest_client().get(&url).send().await.ok()?.text().await.ok()?).filter(|said| said.trim() == wanted) };
    within(LIMIT, &format!("the live site answers as {wanted}"), asked).await;
}
