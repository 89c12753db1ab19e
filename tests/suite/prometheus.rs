//! What Prometheus, Alertmanager and Grafana make of the metrics.

mod dashboards;
mod expressions;
mod names;
mod rules;
mod schema;
