//! The dashboards against Grafana's published schema: the types of `@grafana/schema`, by the TypeScript compiler.

use std::fmt::Write;
use std::process::Command;

use super::dashboards::{dashboards, list};
use super::rules::file;

/// Whatever `T` is in the schema, as JSON writes it: a member of an enum by its value.
const HEAD: &str = "
import type { Dashboard, Panel, RowPanel, AnnotationQuery, AnnotationTarget } from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as timeseries from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
import type * as stat from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as timeline from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type * as table from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T
  : T extends Array<infer U> ? Array<Plain<U>> : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
// What Prometheus' own annotations have besides: the schema leaves that to the data source.
type Asked = Plain<Omit<AnnotationQuery, 'target'>> & { expr: string; titleFormat: string; tagKeys: string; step: string; useValueForTime?: boolean };
type Board = Plain<Omit<Dashboard, 'annotations' | 'panels'>> & { annotations: { list: Asked[] }; panels: Array<Plain<Panel> | Plain<RowPanel>> };
";

#[test]
fn every_dashboard_is_what_grafana_s_schema_says() {
    let compiler = file("target/grafana-schema/node_modules/typescript/bin/tsc");
    assert!(compiler.exists(), "{} is not there: tests/all.sh installs it", compiler.display());
    let folder = file("target/grafana-schema");
    let program = folder.join("dashboards.ts");
    std::fs::write(&program, program_text(false)).unwrap();
    assert_eq!(compile(&folder, "dashboards.ts"), "");
    // And it can fail: a key that the schema does not have, and a value of another type.
    std::fs::write(folder.join("wrong.ts"), program_text(true)).unwrap();
    let said = compile(&folder, "wrong.ts");
    assert!(said.contains("titel") && said.contains("Type 'string' is not assignable to type 'number'"), "{said}");
}

/// Each dashboard, the options and the field config of each of its panels, as literals that must have their type.
fn program_text(is_wrong: bool) -> String {
    let mut text = HEAD.to_owned();
    for (number, (_, board)) in dashboards().into_iter().enumerate() {
        writeln!(text, "export const board{number}: Board = {board};").unwrap();
        for (place, panel) in list(&board["panels"]).iter().enumerate() {
            let module = match panel["type"].as_str().unwrap() {
                "row" => continue,
                "state-timeline" => "timeline",
                kind => kind,
            };
            writeln!(text, "export const options{number}_{place}: Plain<{module}.Options> = {};", panel["options"]).unwrap();
            if module != "stat" {
                let custom = &panel["fieldConfig"]["defaults"]["custom"];
                writeln!(text, "export const custom{number}_{place}: Partial<Plain<{module}.FieldConfig>> = {custom};").unwrap();
            }
        }
    }
    if is_wrong {
        text = text.replace("\"title\":\"allswell", "\"titel\":\"allswell").replace("\"lineWidth\":1", "\"lineWidth\":\"1\"");
    }
    text
}

fn compile(folder: &std::path::Path, program: &str) -> String {
    let mut command = Command::new("node");
    command.arg("node_modules/typescript/bin/tsc").args(["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"]);
    command.args(["--module", "esnext", "--moduleResolution", "bundler", program]);
    let output = command.current_dir(folder).output().expect("node is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
