//! The pages of a watcher whose store is a PostgreSQL server.

use super::looks::lived_in;
use super::stage::TOKEN;
use crate::harness::{Postgres, eventually};

#[tokio::test]
async fn every_page_shows_the_same_where_the_store_is_a_server() {
    let server = Postgres::shared().await;
    let stage = lived_in(&server.database().await).await;
    let key = stage.incident("invoices").await;
    let (ours, cookie) = (stage.url(""), stage.sign_in(TOKEN).await);
    let pages: [(String, &[&str]); 9] = [
        ("/".into(), &["2 open incidents", "failing, 1 of 3", "2 of 2", "ann@desk", "invoices is not working", "acknowledged by ann"]),
        ("/checks".into(), &["nightly backup", "heartbeat-blue", "exit status 2: no connection to the ledger"]),
        ("/checks?q=BACK&status=up".into(), &["nightly backup"]),
        ("/checks/nightly%20backup".into(), &["dump: 184 tables", "Europe/Riga", "connection refused", "class=\"bars\"", "class=\"line\""]),
        ("/checks/blue".into(), &["working", "took 2310 ms"]),
        ("/incidents".into(), &["invoices is not working", "reindex is not working", "blue was not working", "proxy was doing poorly"]),
        (format!("/incidents/{key}"), &["exit status 2: no connection to the ledger", "ops", "Acknowledge"]),
        ("/switches".into(), &["done", "taken back", "failed", "14 of 16 have finished", "out of memory"]),
        ("/public".into(), &["shop status", "nightly backup", "new disks"]),
    ];
    for (path, words) in pages {
        let text = eventually(&path, || async {
            let answer = stage.get(&path, &[("cookie", &cookie)]).await;
            (answer.status == 200).then_some(answer.text)
        })
        .await;
        for word in words {
            assert!(text.contains(word), "{path}: {word} not in {text}");
        }
    }
    let quiet = stage.post("/checks/invoices/mute", &[("origin", &ours), ("cookie", &cookie)], "for=1h&note=later").await;
    assert_eq!(quiet.status, 303, "{}", quiet.text);
    assert!(stage.get("/checks/invoices", &[]).await.text.contains("invoices muted by ann until"));
}
