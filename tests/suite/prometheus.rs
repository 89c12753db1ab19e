//! What Prometheus, Alertmanager and Grafana make of the metrics.

mod dashboards;
mod expressions;
mod limit;
mod live;
mod names;
mod place;
mod rules;
mod schema;
mod server;
mod watchdog;
