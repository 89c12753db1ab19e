//! The two objects of Caddy's config that are ours: what the live listener does with a request, and what the idle one does.

use serde_json::{Value, json};

use crate::domain::colour::Colour;
use crate::proxy::standing::Standing;
use crate::settings::AppSettings;

const LIVE: &str = "allswell_live";
const IDLE: &str = "allswell_idle";

/// Colour and epoch for whoever has the token, and on to the live colour.
fn live(standing: Standing, app: &AppSettings, token: &str) -> Value {
    let set = json!({ "X-Allswell-Colour": [standing.live.as_str()], "X-Allswell-Epoch": [standing.epoch.to_string()] });
    json!({
        "@id": LIVE,
        "handler": "subroute",
        "routes": [
            { "match": [{ "header": { "X-Allswell-Probe-Token": [token] } }], "handle": [{ "handler": "headers", "response": { "set": set } }] },
            { "handle": [pass(standing.live, app)] },
        ],
    })
}

fn idle(standing: Standing, app: &AppSettings) -> Value {
    json!({ "@id": IDLE, "handler": "subroute", "routes": [{ "handle": [pass(standing.live.other(), app)] }] })
}

fn pass(colour: Colour, app: &AppSettings) -> Value {
    let upstreams: Vec<Value> = app.colour(colour).addresses.iter().map(|address| json!({ "dial": address })).collect();
    json!({
        "handler": "reverse_proxy",
        "headers": {
            "request": { "delete": ["X-Allswell-Probe-Token"] },
            "response": { "delete": ["X-Allswell-Colour", "X-Allswell-Epoch"] },
        },
        "load_balancing": { "selection_policy": { "policy": "least_conn" } },
        "upstreams": upstreams,
    })
}

/// The whole config of a Caddy that does nothing else.
pub(super) fn start(admin: &str, listeners: (&str, &str), standing: Standing, app: &AppSettings, token: &str) -> String {
    let server = |listen: &str, object: Value| json!({ "listen": [listen], "routes": [{ "handle": [object] }], "automatic_https": { "disable": true } });
    let servers = json!({ "live": server(listeners.0, live(standing, app, token)), "idle": server(listeners.1, idle(standing, app)) });
    let config = json!({ "admin": { "listen": admin }, "apps": { "http": { "servers": servers } } });
    format!("{config:#}")
}

/// Whether a config has both.
pub(in crate::proxy) fn has_both(config: &Value) -> bool {
    find(config, LIVE).is_some() && find(config, IDLE).is_some()
}

/// What a config's live object says; none where it is not one that we have written.
pub(in crate::proxy) fn standing(config: &Value) -> Option<Standing> {
    let set = find(config, LIVE)?.pointer("/routes/0/handle/0/response/set")?;
    let text = |name: &str| set.get(name)?.get(0)?.as_str();
    format!("{}:{}", text("X-Allswell-Colour")?, text("X-Allswell-Epoch")?).parse().ok()
}

/// Replaces both.
pub(in crate::proxy) fn replace(config: &mut Value, standing: Standing, app: &AppSettings, token: &str) -> Result<(), String> {
    for (id, object) in [(LIVE, live(standing, app, token)), (IDLE, idle(standing, app))] {
        *find_mut(config, id).ok_or_else(|| format!("Caddy's config has no object with @id {id}"))? = object;
    }
    Ok(())
}

fn is(value: &Value, id: &str) -> bool {
    value.get("@id").and_then(Value::as_str) == Some(id)
}

fn find<'a>(value: &'a Value, id: &str) -> Option<&'a Value> {
    match value {
        found if is(found, id) => Some(found),
        Value::Object(fields) => fields.values().find_map(|field| find(field, id)),
        Value::Array(items) => items.iter().find_map(|item| find(item, id)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn find_mut<'a>(value: &'a mut Value, id: &str) -> Option<&'a mut Value> {
    if is(value, id) {
        return Some(value);
    }
    match value {
        Value::Object(fields) => fields.values_mut().find_map(|field| find_mut(field, id)),
        Value::Array(items) => items.iter_mut().find_map(|item| find_mut(item, id)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn both_objects_are_found_wherever_they_stand_and_nothing_else_is_touched() {
        let app = Config::parse("[runtime]\ncommand = \"x\"\n").unwrap().config.app;
        let blue = Standing { live: Colour::Blue, epoch: 3 };
        let mut config: Value = serde_json::from_str(&start("localhost:2019", (":80", ":81"), blue, &app, "token")).unwrap();
        config["apps"]["other"] = json!({ "kept": true });
        assert_eq!((has_both(&config), standing(&config)), (true, Some(blue)));
        let green = Standing { live: Colour::Green, epoch: 4 };
        replace(&mut config, green, &app, "token").unwrap();
        assert_eq!(standing(&config), Some(green));
        assert_eq!(find(&config, IDLE).unwrap().pointer("/routes/0/handle/0/upstreams/0/dial"), Some(&json!("127.0.0.1:3001")));
        assert_eq!(config["apps"]["other"], json!({ "kept": true }));
        assert!(replace(&mut json!({}), green, &app, "token").unwrap_err().contains("no object with @id allswell_live"));
    }
}
