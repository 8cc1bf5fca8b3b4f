# What can be chosen, and what follows from it.

mock_provider "google" {}

variables {
  project         = "agenthub-test"
  environment     = "production"
  billing_account = "01AB23-45CD67-89EF01"
  alert_emails    = ["ops@example.com"]
  secret_values   = { admin-key = "0123456789012345678901234567890123456789", schema-password = "Not-a-password-1" }
  archives = { for name in [
    "organizations", "agents", "conversations", "database", "analytics", "payments", "knowledge", "rag", "audit", "migration", "schema", "jobs", "gateway",
  ] : name => { path = "dist/archives/${name}.zip", hash = sha256(name) } }
}

run "while_a_function_migrates_one_instance_holds_its_memory" {
  command = plan
  variables {
    migrating = ["agents", "analytics"]
    functions = { agents = { max_instances = 5 } }
    settings  = { MIGRATION_INITIAL_STAGE = "off" }
  }
  assert {
    condition     = google_cloudfunctions2_function.domain["agents"].service_config[0].max_instance_count == 1 && google_cloudfunctions2_function.domain["analytics"].service_config[0].max_instance_count == 1 && google_cloudfunctions2_function.domain["payments"].service_config[0].max_instance_count == 2
    error_message = "One instance of each that migrates, whatever departs; the others as before."
  }
  assert {
    condition     = output.released_at_once == "agents analytics" && !strcontains(output.released_by_share, "agents") && strcontains(output.released_by_share, "payments")
    error_message = "No share of the traffic goes to a second holder of a memory."
  }
}

run "high_availability_costs_twice_and_says_so" {
  command = plan
  variables {
    availability_type = "REGIONAL"
  }
  expect_failures = [check.estimate_within_budget]
  assert {
    condition     = google_sql_database_instance.main.settings[0].availability_type == "REGIONAL" && google_sql_database_instance.main.settings[0].backup_configuration[0].point_in_time_recovery_enabled
    error_message = "A standby, with the point-in-time recovery that it needs."
  }
}

run "a_replica_is_protected_as_well" {
  command = plan
  variables {
    read_replica = true
  }
  expect_failures = [check.estimate_within_budget]
  assert {
    condition     = google_sql_database_instance.replica[0].deletion_protection && google_sql_database_instance.replica[0].settings[0].connector_enforcement == "REQUIRED" && google_sql_database_instance.replica[0].settings[0].edition == "ENTERPRISE"
    error_message = "A replica is no way in."
  }
}

run "a_private_database_is_reached_through_our_network" {
  command = plan
  variables {
    connectivity = "private"
  }
  assert {
    condition     = !google_sql_database_instance.main.settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.main.settings[0].connector_enforcement == "REQUIRED" && length(google_sql_database_instance.main.settings[0].ip_configuration[0].authorized_networks) == 0
    error_message = "No public address, no authorized network, and the connector's certificates all the same."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.domain : function.service_config[0].direct_vpc_egress == "VPC_EGRESS_PRIVATE_RANGES_ONLY" && function.service_config[0].vpc_connector == null && function.service_config[0].environment_variables["DB_IP_TYPE"] == "PRIVATE"])
    error_message = "Functions reach it by Direct VPC egress, without a paid connector."
  }
  assert {
    condition     = contains(keys(google_project_service.api), "servicenetworking.googleapis.com")
    error_message = "The peering's API is on."
  }
}

run "the_network_has_room_for_the_largest_tier" {
  command = plan
  variables {
    connectivity = "private"
    tier         = "db-custom-4-15360"
    gateway      = true
  }
  expect_failures = [check.estimate_within_budget]
  assert {
    condition     = 2 * 2 * sum([for function in google_cloudfunctions2_function.domain : function.service_config[0].max_instance_count]) <= pow(2, 32 - tonumber(split("/", google_compute_subnetwork.functions[0].ip_cidr_range)[1])) - 4
    error_message = "Two addresses an instance, twice while a revision is replaced."
  }
}

run "one_address_for_all" {
  command = plan
  variables {
    domain_name = "api.example.com"
    gateway     = true
    budget_usd  = 75
  }
  expect_failures = [check.estimate_within_budget]
  assert {
    condition     = length(google_compute_url_map.edge[0].path_matcher[0].path_rule) == 9 && contains(flatten([for rule in google_compute_url_map.edge[0].path_matcher[0].path_rule : rule.paths]), "/rag/*")
    error_message = "One path a domain."
  }
  assert {
    condition     = google_cloudfunctions2_function.domain["agents"].service_config[0].ingress_settings == "ALLOW_INTERNAL_AND_GCLB" && google_cloudfunctions2_function.domain["jobs"].service_config[0].ingress_settings == "ALLOW_ALL"
    error_message = "No way round the balancer; the scheduler's way stays."
  }
  assert {
    condition     = google_cloudfunctions2_function.domain["organizations"].service_config[0].environment_variables["TRUSTED_PROXIES"] == "1" && !contains(keys(google_cloudfunctions2_function.domain["jobs"].service_config[0].environment_variables), "TRUSTED_PROXIES")
    error_message = "Whoever is behind the balancer takes the caller's address from before its own."
  }
  assert {
    condition     = length(google_compute_security_policy.edge) == 1 && output.urls["agents"] == "https://api.example.com/agents"
    error_message = "Cloud Armor is in front."
  }
  assert {
    condition     = output.urls["gateway"] == "https://api.example.com" && google_monitoring_uptime_check_config.ready["gateway"].http_check[0].path == "/health/ready" && google_monitoring_uptime_check_config.ready["agents"].http_check[0].path == "/agents/health/ready"
    error_message = "The gateway is what the address itself leads to; the others have a path."
  }
}

run "redis_stripe_and_vertex_reach_those_who_use_them" {
  command = plan
  variables {
    secret_versions = { admin-key = 1, schema-password = 1, upstash-url = 1, upstash-token = 1, stripe-api-key = 1, stripe-webhook-secret = 1 }
    settings        = { PAYMENT_PROVIDER = "stripe", EMBEDDING_PROVIDER = "vertex" }
  }
  assert {
    condition     = toset([for secret in google_cloudfunctions2_function.domain["payments"].service_config[0].secret_environment_variables : secret.key]) == toset(["AGENTHUB_ADMIN_KEY", "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"])
    error_message = "payments gets Redis and Stripe."
  }
  assert {
    condition     = toset([for secret in google_cloudfunctions2_function.domain["agents"].service_config[0].secret_environment_variables : secret.key]) == toset(["AGENTHUB_ADMIN_KEY", "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"])
    error_message = "agents gets no key of Stripe."
  }
  assert {
    condition     = toset([for grant in google_project_iam_member.function : grant.role if grant.role == "roles/aiplatform.user"]) == toset(["roles/aiplatform.user"]) && contains(keys(google_project_iam_member.function), "rag roles/aiplatform.user") && !contains(keys(google_project_iam_member.function), "agents roles/aiplatform.user")
    error_message = "Vertex is open to those that embed."
  }
}

run "a_release_holds_the_traffic" {
  command = plan
  variables {
    hold_traffic = true
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.domain : !function.service_config[0].all_traffic_on_latest_revision])
    error_message = "New revisions wait."
  }
}

run "an_apply_by_hand_does_not" {
  command = plan
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.domain : function.service_config[0].all_traffic_on_latest_revision])
    error_message = "New revisions take all."
  }
}

run "a_restored_instance_serves_and_is_watched" {
  command = plan
  variables {
    serving_instance = "agenthub-production-restored"
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.domain : function.service_config[0].environment_variables["INSTANCE_CONNECTION_NAME"] == "agenthub-test:us-central1:agenthub-production-restored"])
    error_message = "Functions go to the restored one."
  }
  assert {
    condition     = strcontains(google_project_iam_member.function["agents roles/cloudsql.client"].condition[0].expression, "startsWith(\"projects/agenthub-test/instances/agenthub-production\")") && strcontains(google_monitoring_alert_policy.alert["cpu"].conditions[0].condition_prometheus_query_language[0].query, "agenthub-production-restored")
    error_message = "Their rights are what they were, the alerts follow."
  }
  assert {
    condition     = google_sql_database_instance.main.name == "agenthub-production"
    error_message = "The lost one stays until somebody has looked at it."
  }
  assert {
    condition = alltrue([for option in [
      "--database-version=POSTGRES_17", "--tier=db-custom-1-3840", "--connector-enforcement=REQUIRED", "--assign-ip", "cloudsql.iam_authentication=on;", "pgaudit.log=ddl,role;",
    ] : strcontains(output.instance_options, option)]) && length(split(" ", output.instance_options)) == 12
    error_message = "A backup is restored to an instance like the one here, told to gcloud in as many words as there are options."
  }
  assert {
    condition     = strcontains(output.guard_options, "--retained-backups-count=7 ") && strcontains(output.guard_options, "--enable-point-in-time-recovery")
    error_message = "What Terraform did not make is backed up all the same."
  }
}
