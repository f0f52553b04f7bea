//! Every row of the catalogue's sections 1 to 7, 10, 13, 14, 16, 18 and 19, and the test that tries it on the engine. A row cannot lose its
//! test: the names are held against the list of this program.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Launch, engine};

/// What holds a row.
enum Held {
    /// These tests try it.
    By(&'static [&'static str]),
    /// There is no such argument or tool, and `ABSENT` proves it; the reason.
    NotOffered(&'static str),
    /// It is no matter of these tools; where it belongs.
    Elsewhere(&'static str),
}
use Held::{By, Elsewhere, NotOffered};

const FIELDS: &str = "create::guard::fields_that_reach_out_of_the_container";
const OTHERS: &str = "create::guard::networks_and_namespaces_of_others";
const PATHS: &str = "create::guard::paths_of_the_host";
const BAD: &str = "create::plain::bad_arguments_make_nothing";
const SAFE: &str = "create::plain::the_defaults_are_safe";
const SPELLINGS: &str = "create::edges::k4_spellings";
const EMPTY: &str = "create::edges::k12_an_empty_word_asks_for_nothing";
const MATRIX: &str = "permissions::matrix::what_is_hidden_is_answered_like_what_does_not_exist";
const STACK_KEYS: &str = "stack_threats::reach::c5_every_key_is_judged_and_nothing_is_made";
const STACK_LEADS: &str = "stack_threats::reach::c5_networks_volumes_and_paths_are_what_they_lead_to";
const BUILD_FROM: &str = "build::refused::b1_b2_b3_contexts_and_dockerfiles_from_elsewhere";
const BUILD_ASKS: &str = "build::refused::b4_b5_what_a_dockerfile_may_not_ask_for";
const BUILD_NAMES: &str = "build::refused::i2_i4_b6_b9_names_and_secrets";

const ROWS: &[(&str, Held)] = &[
    // Section 1, names
    ("N1 ids and prefixes", By(&[MATRIX, OTHERS])),
    ("N2 slashes", By(&[MATRIX, "create::edges::k13_reserved_and_hidden_names"])),
    ("N3 white space and control bytes", By(&[MATRIX, "create::edges::k13_reserved_and_hidden_names"])),
    (
        "N4 paths in names",
        By(&["permissions::wire::only_reads_of_resolved_and_visible_objects_are_sent", BAD]),
    ),
    (
        "N6 aliases of links",
        By(&["permissions::identities::a_container_is_hidden_by_any_name_that_reaches_it"]),
    ),
    ("N8 case", By(&[MATRIX])),
    ("N9 look-alikes", By(&["create::edges::k13_reserved_and_hidden_names"])),
    (
        "N10 renamed between check and use",
        By(&["permissions::renamed::a_new_name_does_not_show_what_was_hidden"]),
    ),
    ("N11 renamed out of the blacklist", By(&["upkeep::rename::a_name_brings_nothing_into_reach"])),
    ("N12 another under the same name", By(&["volumes::x12_a_prune_takes_what_it_showed"])),
    (
        "N13 by label or service",
        By(&[
            "permissions::identities::a_container_is_hidden_by_any_name_that_reaches_it",
            "compose::hidden::what_hidden_members_use_stays",
        ]),
    ),
    ("N14 globs", By(&["create::globs::a_level_of_globs_is_for_names_that_match"])),
    ("N15 short prefixes", By(&["permissions::matrix::short_prefixes_tell_of_visible_ids_only"])),
    // Section 2, through another container
    ("X1 network of another", By(&[OTHERS])),
    ("X2 processes of another", By(&[OTHERS])),
    ("X3 memory of another", By(&[OTHERS, FIELDS])),
    ("X4 volumes from another", By(&[OTHERS, "create::edges::x7_links_and_mounts_of_others_by_permission"])),
    (
        "X5 volumes of hidden ones",
        By(&[
            "volumes::x5_volumes_of_hidden_containers_do_not_exist",
            "create::globs::x5_volumes_of_hidden_containers_are_not_mounted",
        ]),
    ),
    ("X6 the engine's own folders", By(&["create::edges::m5_our_own_files_and_the_engines", PATHS])),
    ("X7 links", By(&[OTHERS, "create::edges::x7_links_and_mounts_of_others_by_permission"])),
    (
        "X8 networks and names on them",
        By(&[
            "networks::x8_hidden_networks_and_users",
            "create::edges::x8_nobody_takes_anothers_name_on_a_network",
        ]),
    ),
    (
        "X9 archive, export, commit, attach",
        By(&["threats::operations::s18_every_operation_is_offered_or_never_sent"]),
    ),
    ("X10 commit and export", NotOffered("no such tool")),
    ("X11 exec where the socket is", Elsewhere("exec")),
    (
        "X12 prunes",
        By(&[
            "volumes::x12_a_prune_takes_what_it_showed",
            "networks::x12_a_prune_takes_what_it_showed",
            "upkeep::prune::exactly_what_was_previewed_goes",
            "images::removal::a_prune_takes_exactly_what_it_showed",
        ]),
    ),
    ("X13 compose by label", By(&["compose::hidden::what_hidden_members_use_stays"])),
    (
        "X14 what hidden ones need",
        By(&[
            "networks::x8_hidden_networks_and_users",
            "volumes::x5_volumes_of_hidden_containers_do_not_exist",
        ]),
    ),
    // Section 3, the fields
    ("3 Privileged", By(&[FIELDS, BAD, "create::edges::k1_keys_that_stand_twice"])),
    ("3 CapAdd", By(&[FIELDS, SPELLINGS])),
    ("3 Devices", By(&[FIELDS])),
    ("3 DeviceCgroupRules", NotOffered("no argument")),
    ("3 DeviceRequests", By(&[FIELDS, EMPTY])),
    ("3 SecurityOpt", By(&[FIELDS, SPELLINGS])),
    ("3 PidMode", By(&[FIELDS, OTHERS])),
    ("3 IpcMode", By(&[FIELDS, OTHERS])),
    ("3 UTSMode", By(&[FIELDS])),
    ("3 UsernsMode", By(&[FIELDS])),
    ("3 CgroupnsMode", By(&[FIELDS])),
    ("3 Cgroup", NotOffered("no argument")),
    ("3 CgroupParent", By(&[FIELDS])),
    ("3 Runtime", By(&[FIELDS])),
    ("3 Isolation", NotOffered("no argument")),
    ("3 VolumesFrom", By(&[OTHERS])),
    ("3 Links", By(&[OTHERS])),
    ("3 VolumeDriver", NotOffered("no argument")),
    ("3 MaskedPaths", By(&[BAD])),
    ("3 ReadonlyPaths", NotOffered("no argument")),
    ("3 Sysctls", By(&[FIELDS, SPELLINGS])),
    ("3 OomKillDisable", By(&[FIELDS])),
    ("3 OomScoreAdj", By(&[FIELDS])),
    ("3 StorageOpt", NotOffered("no argument")),
    ("3 LogConfig", By(&[FIELDS])),
    ("3 ContainerIDFile", NotOffered("no argument")),
    ("3 Annotations", NotOffered("no argument")),
    ("3 ExtraHosts, Dns", By(&["create::profiles::restricted_cells_are_refused"])),
    ("3 GroupAdd", By(&[FIELDS])),
    ("3 CpuRealtime", NotOffered("no argument")),
    ("3 Blkio devices", NotOffered("no argument")),
    ("3 Ulimits", By(&[FIELDS, SPELLINGS])),
    ("3 NetworkMode", By(&[FIELDS, OTHERS])),
    ("3 PortBindings", By(&[FIELDS, "create::profiles::restricted_cells_are_refused"])),
    ("3 PublishAllPorts", NotOffered("no argument")),
    ("3 Binds, Mounts", By(&[PATHS, "create::guard::volumes_that_are_something_else"])),
    (
        "3 RestartPolicy",
        By(&["create::profiles::restricted_cells_are_refused", "upkeep::update::ceilings_and_nothing_else"]),
    ),
    (
        "3 Memory, NanoCpus, PidsLimit",
        By(&[FIELDS, SAFE, "create::edges::k11_ceilings_hold_for_all_at_once"]),
    ),
    ("3 ShmSize", NotOffered("no argument: the engine's 64 MB")),
    ("3 Tmpfs", By(&[FIELDS, SPELLINGS, "create::edges::k11_ceilings_hold_for_all_at_once"])),
    ("3 User", By(&[EMPTY, SAFE])),
    ("3 Healthcheck", By(&["create::profiles::a_health_check_is_a_command_of_the_container"])),
    ("3 Entrypoint, Cmd", By(&["create::plain::everything_that_is_typed_arrives"])),
    ("3 Labels", By(&[FIELDS, SAFE])),
    ("3 Hostname", By(&["create::edges::x8_nobody_takes_anothers_name_on_a_network"])),
    ("3 name", By(&["create::edges::k13_reserved_and_hidden_names"])),
    ("3 AutoRemove", NotOffered("no argument")),
    ("3 Env", By(&["create::secrets::they_reach_the_container_and_nothing_else"])),
    ("K1", By(&[BAD, "create::edges::k1_keys_that_stand_twice"])),
    ("K2", By(&[BAD, "create::lost::what_was_made_otherwise_never_runs"])),
    ("K3", By(&[FIELDS, SPELLINGS])),
    ("K4", By(&[FIELDS, SPELLINGS])),
    ("K6", By(&[OTHERS, "networks::k6_no_network_reaches_the_hosts"])),
    ("K8", By(&["upkeep::update::ceilings_and_nothing_else"])),
    ("K9", By(&["create::profiles::k9_a_start_says_nothing"])),
    ("K10", By(&[PATHS])),
    ("K11", By(&[FIELDS, SAFE, "create::edges::k11_ceilings_hold_for_all_at_once"])),
    ("K12", By(&[SAFE, EMPTY])),
    (
        "K13",
        By(&[
            "create::edges::k13_reserved_and_hidden_names",
            "create::plain::levels_filters_and_confirmations",
        ]),
    ),
    // Section 4
    ("M1", By(&["volumes::m1_no_volume_mounts_the_host"])),
    ("M2", By(&[BAD])),
    ("M3", By(&[STACK_LEADS])),
    ("M4", By(&["create::guard::volumes_that_are_something_else"])),
    ("M5", By(&[PATHS, "create::edges::m5_our_own_files_and_the_engines"])),
    ("M6", By(&[PATHS, "create::lost::what_was_made_otherwise_never_runs"])),
    ("M7", By(&[BAD])),
    ("M9", By(&[BAD])),
    ("M10", By(&["upkeep::remove::a_container_goes_and_its_volumes_when_they_are_asked_for"])),
    ("M11", By(&["create::edges::k11_ceilings_hold_for_all_at_once"])),
    ("M12", By(&[BAD])),
    // Section 5
    ("I1", By(&["images::names::i1_every_spelling_is_one_image"])),
    ("I2", By(&["images::names::i2_i9_names_are_not_given_past_the_filters", BUILD_NAMES])),
    ("I3", By(&["images::offered::i3_i13_what_is_not_offered_is_not_there"])),
    ("I4", By(&[BUILD_NAMES])),
    (
        "I5",
        By(&[
            "images::offered::i5_a_name_that_moves_between_asking_and_doing",
            "build::bases::i5_a_base_that_moves_is_another_build",
        ]),
    ),
    ("I7", By(&["images::registries::i7_ports_are_not_told_apart"])),
    (
        "I8",
        By(&[
            "images::space::i8_nothing_is_fetched_onto_a_full_disk",
            "images::space::i8_an_image_that_is_too_large_is_ended_as_soon_as_that_is_known",
        ]),
    ),
    ("I9", By(&["images::names::i2_i9_names_are_not_given_past_the_filters"])),
    ("I10", By(&["images::names::i10_history_and_environment_are_masked"])),
    ("I11", By(&["images::removal::i11_containers_keep_their_image"])),
    ("I12", By(&["images::registries::i12_credentials_of_one_registry_reach_no_other"])),
    ("I13", By(&["images::offered::i3_i13_what_is_not_offered_is_not_there"])),
    // Section 6
    (
        "C1",
        By(&[
            "stack_threats::hidden::c1_a_hidden_container_in_a_projects_labels_is_not_touched_and_not_told_of",
            "compose::hidden::what_hidden_members_use_stays",
        ]),
    ),
    ("C2", By(&["stack_threats::hidden::c2_names_of_others_are_not_taken"])),
    ("C3", By(&["stack_threats::hidden::c3_a_projects_name_that_is_hidden_is_nobodys_however_it_is_given"])),
    ("C4", By(&["stack_threats::reach::c4_nobody_shares_anothers_namespaces_or_mounts"])),
    (
        "C5",
        By(&[
            "stack_threats::reach::c5_no_way_of_writing_hides_it",
            "stack_threats::fuzz::what_is_let_through_has_no_power",
            STACK_KEYS,
            STACK_LEADS,
        ]),
    ),
    ("C6", By(&["stack_threats::files::c6_the_servers_environment_does_not_interpolate"])),
    (
        "C7",
        By(&[
            "stack_threats::files::c7_files_elsewhere_are_not_read_and_nobody_learns_whether_they_are_there",
        ]),
    ),
    ("C8", By(&["stack_threats::files::c8_links_pipes_and_devices_are_no_files"])),
    (
        "C9",
        By(&[
            "stack_threats::files::c9_what_is_swapped_meanwhile_is_not_what_comes_up",
            "stack_threats::reach::what_came_up_is_what_was_judged",
            "stack_threats::reach::what_has_more_than_the_file_says_is_told",
        ]),
    ),
    ("C10", By(&["stack_threats::files::c10_variables_of_compose_itself_steer_nothing"])),
    ("C11", By(&["stack_threats::files::c11_c15_nothing_is_fetched"])),
    ("C12", By(&["stack_threats::words::c12_no_value_is_an_option"])),
    ("C14", By(&["stack_threats::files::c14_bombs_are_small"])),
    ("C15", By(&["stack_threats::files::c11_c15_nothing_is_fetched", BUILD_FROM])),
    ("C16", By(&["stack_threats::files::c16_a_text_reads_nothing"])),
    ("C17", By(&["stack_threats::words::c17_levels_and_c18_what_is_not_offered"])),
    ("C18", By(&["stack_threats::words::c17_levels_and_c18_what_is_not_offered"])),
    ("C20", By(&["stack_threats::words::c20_what_comes_back_is_clean"])),
    ("6 provider, use_api_socket, hooks", By(&[STACK_KEYS])),
    ("6 remote include and extends", By(&["stack_threats::files::c11_c15_nothing_is_fetched"])),
    // Section 7
    ("B1", By(&[BUILD_FROM])),
    ("B2", By(&[BUILD_FROM])),
    ("B3", By(&[BUILD_FROM])),
    ("B4", By(&[BUILD_ASKS])),
    ("B5", By(&[BUILD_ASKS])),
    ("B6", By(&[BUILD_NAMES])),
    ("B8", By(&["build::b8_run_reaches_nothing_unless_it_may"])),
    ("B9", By(&[BUILD_NAMES])),
    (
        "B10",
        By(&[
            "build::b10_a_build_that_takes_too_long_is_ended_in_time",
            "build::child::b10_a_build_that_fills_the_disk_is_ended",
        ]),
    ),
    // Section 18
    (
        "18 swarm, services, secrets, configs, nodes, plugins",
        By(&["threats::operations::s18_every_operation_is_offered_or_never_sent"]),
    ),
    (
        "18 the closed list",
        By(&[
            "threats::operations::s18_the_closed_list_holds_nothing_else",
            "threats::operations::s18_no_spelling_of_a_path_passes",
        ]),
    ),
    // Section 19, the cells: baseline, then restricted
    ("19 host process", NotOffered("no argument: isolation")),
    ("19 host namespaces", By(&[FIELDS, "create::profiles::restricted_cells_are_refused"])),
    ("19 privileged", By(&[FIELDS, "create::profiles::restricted_cells_are_refused"])),
    ("19 capabilities", By(&[FIELDS, SAFE, "create::profiles::restricted_cells_are_refused"])),
    ("19 host paths", By(&[PATHS])),
    ("19 host ports", By(&[FIELDS, "create::profiles::restricted_cells_are_refused"])),
    ("19 host probes", By(&["create::profiles::a_health_check_is_a_command_of_the_container"])),
    (
        "19 apparmor, selinux, seccomp, proc",
        By(&[FIELDS, SPELLINGS, "create::profiles::restricted_cells_are_refused"]),
    ),
    ("19 sysctls", By(&[FIELDS, "create::profiles::restricted_cells_are_refused"])),
    ("19 volume types", By(&["create::guard::volumes_that_are_something_else", PATHS])),
    ("19 privilege escalation", By(&[SAFE, "create::profiles::restricted_cells_are_refused"])),
    ("19 not root", By(&[SAFE, EMPTY])),
    ("19 what Docker has besides", By(&[FIELDS, "create::profiles::restricted_cells_are_refused"])),
    ("19 ceilings", By(&[FIELDS, SAFE, "create::edges::k11_ceilings_hold_for_all_at_once"])),
    // Section 10, secrets
    (
        "R1 a secret in twenty places",
        By(&[
            "redaction::places::a_secret_leaves_through_no_tool_log_or_audit",
            "redaction::places::a_secret_leaves_through_no_change_and_no_question",
            "redaction::places::a_secret_of_a_stack_leaves_through_no_failure",
        ]),
    ),
    (
        "R3 views that the agent chooses",
        By(&["redaction::places::a_secret_leaves_through_no_tool_log_or_audit"]),
    ),
    (
        "R7 secrets in arguments",
        By(&["redaction::places::a_secret_that_the_caller_sends_is_neither_logged_nor_recorded"]),
    ),
    // Section 13, confirmations and limits
    (
        "F1 the agent confirms itself",
        By(&[
            "served::persons::no_tool_gets_past_a_person",
            "confirm::persons::a_person_at_the_host_lets_one_call_through",
        ]),
    ),
    ("F2 one token, many uses", By(&["confirm::tokens::a_thousand_uses_of_one_token_have_one_effect"])),
    ("F3 other arguments", By(&["lifecycle::a_confirmation_is_for_one_call_once"])),
    ("F4 changed since the preview", By(&["confirm::persons::an_approval_is_for_what_was_seen"])),
    ("F5 another caller's, or guessed", By(&["lifecycle::a_confirmation_is_for_one_call_once"])),
    ("F6 the clock is set", By(&["confirm::tokens::f6_a_clock_that_is_set_helps_nobody"])),
    ("F8 tokens in the log", By(&["lifecycle::a_confirmation_is_for_one_call_once"])),
    ("F10 past it by another tool", By(&["served::persons::no_tool_gets_past_a_person"])),
    ("F11 what the preview shows", By(&["confirm::persons::a_person_sees_the_whole_of_it_or_is_not_asked"])),
    (
        "F12 limits by another name or after a restart",
        By(&["confirm::limits::f12_a_cooldown_is_the_same_for_every_form_of_address_and_after_a_restart"]),
    ),
    // Section 14, over the network
    ("W1 names and origins", By(&["http::doors::w1_only_by_our_names_and_from_our_pages"])),
    ("W2 what a page sends without asking", By(&["http::doors::w1_only_by_our_names_and_from_our_pages"])),
    ("W3 open to strangers", By(&["http::doors::w3_strangers_are_not_served_by_accident"])),
    ("W4 keys", By(&["http::doors::w4_w12_keys_let_in_and_wrong_ones_wait"])),
    ("W6 another's session", By(&["http::mcp::w6_a_session_is_its_keys"])),
    (
        "W7 roles mixed up",
        By(&[
            "http::mcp::w6_a_session_is_its_keys",
            "http::many::two_hundred_callers_get_their_own_answers",
            "http::reload::whoever_is_connected_hears_of_other_tools",
        ]),
    ),
    ("W8 dawdlers and floods", By(&["http::doors::w8_dawdlers_are_let_go"])),
    ("W9 speaking for another address", By(&["http::doors::w9_nobody_speaks_for_another_address"])),
    (
        "W10 in clear",
        By(&[
            "http::doors::w3_strangers_are_not_served_by_accident",
            "http::tls::strangers_are_served_with_keys_and_nobody_reads_along",
        ]),
    ),
    ("W11 errors that tell too much", By(&["http::doors::w11_errors_are_plain"])),
    (
        "W13 rights of a socket",
        NotOffered("callers come over the network or stdio; nothing listens on a Unix socket"),
    ),
    ("W14 tokens passed on", By(&["http::doors::w14_nobodys_key_is_passed_on"])),
    ("W12 keys by trial", By(&["http::doors::w4_w12_keys_let_in_and_wrong_ones_wait"])),
    ("F14 a role of the caller's own", By(&["http::tools::each_role_has_its_own_tools"])),
    // Section 16, the record
    ("L1 lines within lines", By(&["audit::query::l1_what_stands_in_the_files_steers_no_terminal"])),
    (
        "L3 an effect without a record",
        By(&[
            "audit::killed::no_effect_without_an_intent_and_no_intent_without_an_outcome",
            "neverhang::audit_change::a_full_disk_refuses_changes_before_they_are_sent",
        ]),
    ),
    (
        "L4 changed or cut",
        By(&[
            "audit::proof::l4_a_flipped_bit_is_found_at_its_line",
            "audit::proof::l4_lines_that_are_missing_doubled_or_forged_are_found",
        ]),
    ),
    ("L8 rotation", By(&["neverhang::host_audit::a_log_that_goes_away_is_begun_anew"])),
    ("L9 the clock is set", By(&["neverhang::host_audit::a_wall_clock_that_jumps_moves_nothing_but_dates"])),
];

/// Arguments that making a container, a volume, a network or an image must not have, in the engine's words and in ours.
const ABSENT: &[&str] = &[
    "host_config",
    "hostconfig",
    "extra_host_config",
    "device_cgroup_rules",
    "cgroup",
    "isolation",
    "volume_driver",
    "masked_paths",
    "readonly_paths",
    "storage_opt",
    "container_id_file",
    "cidfile",
    "annotations",
    "cpu_rt_runtime",
    "cpu_realtime_runtime",
    "blkio_device_read_bps",
    "blkio_weight_device",
    "publish_all_ports",
    "publish_all",
    "shm_size",
    "auto_remove",
    "rm",
    "mounts",
    "binds",
    "options",
    "ipam",
    "config_from",
    "attachable",
    "all_tags",
    "from_src",
    "remote",
    "secrets",
    "ssh",
    "build_contexts",
    "output",
    "privileged_build",
    "entrypoint_args",
    "credential_spec",
    "memory_swap",
    "kernel_memory",
    "cpuset_cpus",
    "domainname",
    "mac_address",
    "stdin_open",
    "tty",
];

/// Tools that there must not be.
const NO_TOOLS: &[&str] = &[
    "docker_commit",
    "docker_export",
    "docker_load",
    "docker_import",
    "docker_save",
    "docker_search",
    "docker_attach",
    "docker_swarm_init",
    "docker_service_create",
    "docker_plugin_install",
    "docker_login",
    "docker_manifest_inspect",
    "docker_secret_create",
    "docker_config_create",
    "docker_node_update",
];

#[test]
fn every_row_has_its_test() {
    let list = Command::new(std::env::current_exe().unwrap())
        .args(["--list", "--format", "terse"])
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let tests: Vec<&str> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    assert!(tests.contains(&"threats::rows::every_row_has_its_test"), "the list is read wrongly");
    let mut lost = Vec::new();
    for (row, held) in ROWS {
        match held {
            By(names) => lost.extend(
                names.iter().filter(|name| !tests.contains(name)).map(|name| format!("{row}: {name}")),
            ),
            NotOffered(why) | Elsewhere(why) => assert!(!why.is_empty(), "{row}"),
        }
    }
    assert!(lost.is_empty(), "rows without their tests:\n{}", lost.join("\n"));
    for (letter, numbers) in [
        ("K", [1, 2, 3, 4, 6, 8, 9, 10, 11, 12, 13].as_slice()),
        ("M", &[1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12]),
        ("I", &[1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13]),
        ("B", &[1, 2, 3, 4, 5, 6, 8, 9, 10]),
        ("C", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20]),
        ("W", &[1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
    ] {
        for number in numbers {
            let row = format!("{letter}{number}");
            let is = |name: &str| name == row || name.starts_with(&format!("{row} "));
            assert!(ROWS.iter().any(|(name, _)| is(name)), "{row} is missing");
        }
    }
}

/// What is not offered is not there: with every level on, no tool and no argument of that name.
#[test]
fn what_is_not_offered_is_not_there() {
    let Some(engine) = engine::at_hand("threats::rows::absent") else { return };
    let levels = "read lifecycle exec create images volumes networks system";
    let levels: String = levels.split(' ').map(|level| format!("{level} = true\n")).collect();
    let client = Launch::at(&engine.host).config(&format!("[permissions]\n{levels}")).connect();
    let tools = client.tools();
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    for name in NO_TOOLS {
        assert!(!names.contains(name), "{name}");
        assert!(
            client
                .request("tools/call", json!({ "name": name, "arguments": {} }))
                .message
                .to_string()
                .contains("rror")
        );
    }
    for tool in [
        "docker_create",
        "docker_run",
        "docker_update",
        "docker_volume_create",
        "docker_network_create",
        "docker_pull",
    ] {
        let schema = &tools.iter().find(|t| t["name"] == tool).unwrap()["inputSchema"];
        assert_eq!(schema["additionalProperties"], false, "{tool}");
        for word in ABSENT {
            let fits = |key: &&String| key.replace('_', "").eq_ignore_ascii_case(&word.replace('_', ""));
            let found = schema["properties"].as_object().unwrap().keys().find(fits);
            assert!(found.is_none(), "{tool} has `{word}`");
        }
    }
    for word in ABSENT {
        let mut call: Value = json!({ "image": engine::BASE, "dry_run": true });
        call[*word] = json!(true);
        let refused = client.call("docker_create", &call);
        assert_eq!(refused.kind(), "invalid_arguments", "{word}: {}", refused.text);
        assert!(refused.text.contains(word), "{word}: {}", refused.text);
    }
}
