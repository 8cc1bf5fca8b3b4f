# The plan with nothing but what must be said: what protects the data, what is public, who may do what.

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

run "the_database_can_be_brought_back" {
  command = plan

  assert {
    condition     = google_sql_database_instance.main.settings[0].backup_configuration[0].enabled && google_sql_database_instance.main.settings[0].backup_configuration[0].start_time != ""
    error_message = "There are daily backups, at a stated time."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].backup_configuration[0].backup_retention_settings[0].retained_backups >= 7
    error_message = "At least 7 backups are kept."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].backup_configuration[0].location == "us"
    error_message = "Backups lie in a multi-region."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].backup_configuration[0].point_in_time_recovery_enabled && google_sql_database_instance.main.settings[0].backup_configuration[0].transaction_log_retention_days == 7
    error_message = "Point-in-time recovery reaches 7 days back."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].retain_backups_on_delete && google_sql_database_instance.main.settings[0].final_backup_config[0].enabled
    error_message = "Backups outlive the instance, and there is a final one."
  }
}

run "the_database_cannot_be_deleted_by_mistake" {
  command = plan

  assert {
    condition     = google_sql_database_instance.main.deletion_protection && google_sql_database_instance.main.settings[0].deletion_protection_enabled
    error_message = "Both deletion protections are on."
  }
  assert {
    condition     = google_sql_database_instance.main.name != "" && strcontains(file("./database.tf"), "prevent_destroy = true") && strcontains(file("./storage.tf"), "prevent_destroy = true")
    error_message = "Terraform refuses to destroy the database and the audit's heads."
  }
  assert {
    condition     = alltrue([for user in google_sql_user.function : user.deletion_policy == "ABANDON"]) && google_sql_user.schema.deletion_policy == "ABANDON"
    error_message = "Users that own something are left alone."
  }
  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.secret : secret.deletion_protection])
    error_message = "Secrets are protected."
  }
  assert {
    condition     = alltrue([for version in google_secret_manager_secret_version.secret : version.deletion_policy == "ABANDON"])
    error_message = "A version stays enabled while the revision before reads it."
  }
}

run "the_database_is_the_one_that_was_paid_for" {
  command = plan

  assert {
    condition     = google_sql_database_instance.main.settings[0].edition == "ENTERPRISE" && google_sql_database_instance.main.settings[0].tier == "db-custom-1-3840" && google_sql_database_instance.main.settings[0].availability_type == "ZONAL"
    error_message = "One dedicated vCPU in one zone, Enterprise edition."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].disk_autoresize && google_sql_database_instance.main.settings[0].disk_autoresize_limit == 50
    error_message = "The disk grows by itself, up to a limit."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].maintenance_window[0].update_track == "stable"
    error_message = "Maintenance comes in its window, on the stable track."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].insights_config[0].query_insights_enabled && google_sql_database_instance.main.settings[0].insights_config[0].record_application_tags
    error_message = "Query Insights records application tags."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].password_validation_policy[0].enable_password_policy && google_sql_database_instance.main.settings[0].password_validation_policy[0].min_length >= 12
    error_message = "Passwords have a policy."
  }
  assert {
    condition = alltrue([for flag, value in {
      "cloudsql.iam_authentication" = "on", "cloudsql.enable_pgaudit" = "on", "log_min_duration_statement" = "100", "log_lock_waits" = "on", "log_temp_files" = "0",
      "log_error_verbosity"         = "terse"
      } : contains([for one in google_sql_database_instance.main.settings[0].database_flags : "${one.name}=${one.value}"], "${flag}=${value}")]) && alltrue([
      for flag in ["idle_in_transaction_session_timeout", "statement_timeout", "pg_stat_statements.track"] : contains([for one in google_sql_database_instance.main.settings[0].database_flags : one.name], flag)
    ])
    error_message = "The flags of the checklist are set."
  }
}

run "nobody_reaches_the_database_without_the_connector" {
  command = plan

  assert {
    condition     = google_sql_database_instance.main.settings[0].connector_enforcement == "REQUIRED" && google_sql_database_instance.main.settings[0].ip_configuration[0].ssl_mode == "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    error_message = "TLS with a client certificate of the connector, nothing else."
  }
  assert {
    condition     = google_sql_database_instance.main.settings[0].ip_configuration[0].ipv4_enabled && length(google_sql_database_instance.main.settings[0].ip_configuration[0].authorized_networks) == 0
    error_message = "A public address that the connector's certificates alone open: no authorized network."
  }
  assert {
    condition     = length(google_compute_network.main) == 0 && alltrue([for function in google_cloudfunctions2_function.domain : length(function.service_config[0].direct_vpc_network_interface) == 0 && function.service_config[0].environment_variables["DB_IP_TYPE"] == "PUBLIC"])
    error_message = "No network that a new instance would have to wait for, and functions that know it."
  }
  assert {
    condition     = alltrue([for user in google_sql_user.function : user.type == "CLOUD_IAM_SERVICE_ACCOUNT"]) && length(google_sql_user.function) == length(google_cloudfunctions2_function.domain) - 1
    error_message = "Each function logs in by IAM, as itself; schema alone by password."
  }
}

run "each_function_is_somebody_of_its_own" {
  command = plan

  assert {
    condition     = length(google_cloudfunctions2_function.domain) == 12 && !contains(keys(google_cloudfunctions2_function.domain), "gateway")
    error_message = "Twelve functions; the gateway only when it is asked for."
  }
  assert {
    condition     = toset(keys(google_service_account.function)) == toset(keys(google_cloudfunctions2_function.domain)) && length(distinct([for account in google_service_account.function : account.account_id])) == 12
    error_message = "One service account a function."
  }
  assert {
    condition     = alltrue([for grant in concat(values(google_project_iam_member.function), values(google_project_iam_member.builder), values(google_project_iam_member.release)) : !contains(["roles/owner", "roles/editor", "roles/viewer"], grant.role)])
    error_message = "No primitive role."
  }
  assert {
    condition     = alltrue([for grant in google_project_iam_member.function : length(grant.condition) == 1 if startswith(grant.role, "roles/cloudsql.")])
    error_message = "SQL roles hold for this instance alone."
  }
  assert {
    condition     = alltrue([for grant in google_project_iam_member.function : endswith(grant.condition[0].expression, "resource.name.startsWith(\"projects/agenthub-test/instances/agenthub-production\")") if startswith(grant.role, "roles/cloudsql.")])
    error_message = "The condition names the instance, and those restored from it."
  }
  assert {
    condition     = strcontains(google_project_iam_member.builder_sources.condition[0].expression, "projects/_/buckets/gcf-v2-sources-") && google_storage_bucket_iam_member.builder.role == google_project_iam_member.builder_sources.role
    error_message = "The builder reads the archives where we put them and where Cloud Functions copies them, no other bucket."
  }
  assert {
    condition     = toset(keys(google_service_account_iam_member.migrator)) == toset(["serviceAccount:agenthub-release@agenthub-test.iam.gserviceaccount.com"]) && alltrue([for grant in google_service_account_iam_member.migrator : grant.role == "roles/iam.serviceAccountTokenCreator"]) && google_cloudfunctions2_function.domain["schema"].service_config[0].environment_variables["ALLOWED_SERVICE_ACCOUNTS"] == "agenthub-migrator@agenthub-test.iam.gserviceaccount.com"
    error_message = "A release acts as the migrator, and the function that migrates takes nobody else's tokens."
  }
  assert {
    condition     = toset([for key, _ in google_secret_manager_secret_iam_member.function : key if startswith(key, "schema-password")]) == toset(["schema-password schema"])
    error_message = "A secret is readable by who needs it: the schema's password by schema."
  }
}

run "functions_say_what_they_may_use" {
  command = plan

  assert {
    condition = alltrue([for function in google_cloudfunctions2_function.domain :
      function.service_config[0].max_instance_request_concurrency > 1 && function.service_config[0].max_instance_count >= 1 && function.service_config[0].min_instance_count == 0 && function.service_config[0].timeout_seconds >= 60 && function.service_config[0].ingress_settings == "ALLOW_ALL"
    ])
    error_message = "Concurrency, instances, time-out and ingress are explicit."
  }
  assert {
    condition     = alltrue([for name, function in google_cloudfunctions2_function.domain : function.build_config[0].source[0].storage_source[0].object == "${name}/${sha256(name)}.zip" && function.build_config[0].entry_point == name])
    error_message = "A function is built of the archive that its contents name."
  }
  assert {
    condition     = alltrue([for name, function in google_cloudfunctions2_function.domain : function.service_config[0].environment_variables["DB_USER"] == (name == "schema" ? "agenthub-schema" : "agenthub-${name}@agenthub-test.iam")])
    error_message = "Each logs in as itself."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.domain : function.service_config[0].environment_variables["INSTANCE_CONNECTION_NAME"] == "agenthub-test:us-central1:agenthub-production" && function.service_config[0].environment_variables["DB_NAME"] == "agenthub"])
    error_message = "Each is told where the database is."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.domain : contains([for secret in function.service_config[0].secret_environment_variables : secret.key], "AGENTHUB_ADMIN_KEY")]) && alltrue(flatten([for function in google_cloudfunctions2_function.domain : [for key, _ in function.service_config[0].environment_variables : !strcontains(key, "ADMIN_KEY") || endswith(key, "_SECRET")]]))
    error_message = "The admin key arrives as a secret, never as plain text."
  }
  assert {
    condition     = google_cloudfunctions2_function.domain["schema"].service_config[0].environment_variables["DB_AUTH"] == "PASSWORD" && strcontains(google_cloudfunctions2_function.domain["schema"].service_config[0].environment_variables["DB_LOGINS"], "agenthub-jobs@agenthub-test.iam=agenthub_app+agenthub_jobs") && strcontains(google_cloudfunctions2_function.domain["schema"].service_config[0].environment_variables["DB_LOGINS"], "agenthub-agents@agenthub-test.iam=agenthub_app,")
    error_message = "schema logs in by password, and is told which login gets which role."
  }
  assert {
    condition     = google_cloudfunctions2_function.domain["audit"].service_config[0].environment_variables["AUDIT_HEAD_BUCKET"] == google_storage_bucket.audit_heads.name && google_cloudfunctions2_function.domain["jobs"].service_config[0].environment_variables["AUDIT_HEAD_BUCKET"] == google_storage_bucket.audit_heads.name
    error_message = "Who seals and who verifies know where the heads are."
  }
}

run "only_the_scheduler_calls_the_jobs" {
  command = plan

  assert {
    condition     = toset(keys(google_cloud_scheduler_job.job)) == toset(["settle-payments", "complete-embeddings", "refresh-reports", "seal-audit", "purge-expired", "maintain-partitions"])
    error_message = "Every job of the contract is scheduled."
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.job : job.http_target[0].oidc_token[0].audience == "https://us-central1-agenthub-test.cloudfunctions.net/agenthub-jobs" && startswith(job.http_target[0].uri, "${job.http_target[0].oidc_token[0].audience}/")])
    error_message = "Jobs carry an OIDC token for the function that they call."
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.job : job.retry_config[0].retry_count > 0 && try(tonumber(trimsuffix(job.attempt_deadline, "s")), 0) <= 1800])
    error_message = "Jobs are retried, and end."
  }
  assert {
    condition     = google_cloudfunctions2_function.domain["jobs"].service_config[0].environment_variables["ALLOWED_SERVICE_ACCOUNTS"] == "agenthub-scheduler@agenthub-test.iam.gserviceaccount.com" && google_cloudfunctions2_function.domain["jobs"].service_config[0].environment_variables["ID_TOKEN_AUDIENCES"] == "https://us-central1-agenthub-test.cloudfunctions.net/agenthub-jobs"
    error_message = "The function takes the tokens of that account, for itself."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invoker["jobs"].members == toset(["serviceAccount:agenthub-scheduler@agenthub-test.iam.gserviceaccount.com"]) && alltrue([for job in google_cloud_scheduler_job.job : job.http_target[0].oidc_token[0].service_account_email == "agenthub-scheduler@agenthub-test.iam.gserviceaccount.com"])
    error_message = "The scheduler's account alone may invoke jobs."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invoker["schema"].members == toset(["serviceAccount:agenthub-migrator@agenthub-test.iam.gserviceaccount.com"]) && length(google_cloud_run_v2_service_iam_binding.invoker["migration"].members) == 0 && google_cloud_run_v2_service_iam_binding.invoker["agents"].members == toset(["allUsers"])
    error_message = "The migrator alone asks schema, operators alone migration; the domains are public."
  }
}

run "buckets_keep_what_they_are_given" {
  command = plan

  assert {
    condition     = alltrue([for bucket in [google_storage_bucket.source, google_storage_bucket.audit_heads] : bucket.uniform_bucket_level_access && bucket.public_access_prevention == "enforced"])
    error_message = "Uniform, not public."
  }
  assert {
    condition     = google_storage_bucket.source.versioning[0].enabled && length(google_storage_bucket.audit_heads.versioning) == 0
    error_message = "Sources are versioned; what is under a retention policy cannot be."
  }
  assert {
    condition     = length(google_storage_bucket.source.lifecycle_rule) == 1 && google_storage_bucket.audit_heads.retention_policy[0].retention_period == "220752000"
    error_message = "Old archives go; heads stay for 7 years."
  }
  assert {
    condition     = one(google_storage_bucket.source.lifecycle_rule[0].condition).days_since_noncurrent_time == 365
    error_message = "A replaced archive has no newer version: it goes by its days."
  }
}

run "money_is_watched" {
  command = plan

  assert {
    condition     = [for rule in google_billing_budget.month.threshold_rules : "${rule.threshold_percent} ${rule.spend_basis}"] == ["0.5 CURRENT_SPEND", "0.8 CURRENT_SPEND", "1 CURRENT_SPEND", "1 FORECASTED_SPEND"]
    error_message = "Rules at 0.5, 0.8 and 1.0 of what was spent, and at the forecast."
  }
  assert {
    condition     = google_billing_budget.month.amount[0].specified_amount[0].units == "75"
    error_message = "The budget is 75 dollars."
  }
}

run "alerts_say_what_to_do" {
  command = plan

  assert {
    condition     = alltrue([for alert in merge(google_monitoring_alert_policy.alert, google_monitoring_alert_policy.burn_rate) : length(alert.documentation[0].content) > 80])
    error_message = "Every alert has a runbook."
  }
  assert {
    condition = length(setsubtract([
      "database_down", "cpu", "memory", "disk", "connections", "deadlocks", "transaction_ids", "log_archive", "backup_failed", "backup_absent", "slow_queries", "migration_mismatches",
    ], keys(google_monitoring_alert_policy.alert))) == 0
    error_message = "The alerts of the checklist are there."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.alert["backup_absent"].conditions[0].condition_prometheus_query_language[0].query, "absent_over_time") && strcontains(google_logging_metric.count["backups"].filter, "cloudsql.instances.automatedBackup")
    error_message = "A backup that never began is noticed as well."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.alert["connections"].conditions[0].condition_prometheus_query_language[0].query, "> 0.8 * 100")
    error_message = "Connections are watched against those of the tier."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.alert["unreachable"].conditions[0].condition_prometheus_query_language[0].query, "avg by (check_id) (avg_over_time(") && alltrue([for check in google_monitoring_uptime_check_config.ready : tonumber(trimsuffix(check.period, "s")) * 2 <= 30 * 60]) && strcontains(google_monitoring_alert_policy.alert["unreachable"].conditions[0].condition_prometheus_query_language[0].query, "[30m]")
    error_message = "Reached is what most places reach, each of which has asked within the time that is looked at."
  }
  assert {
    condition     = alltrue([for metric in ["db_pool_waiting", "cache_looks", "db_query_duration_seconds_bucket"] : strcontains(google_monitoring_dashboard.main.dashboard_json, metric)])
    error_message = "What the functions measure of themselves is on the dashboard."
  }
  assert {
    condition     = google_monitoring_slo.availability.goal == 0.999 && google_monitoring_slo.latency.request_based_sli[0].distribution_cut[0].range[0].max == 100
    error_message = "99.9 % are served; the latency promised is 100 ms."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.burn_rate) == 4 && alltrue([for alert in google_monitoring_alert_policy.burn_rate : length(alert.conditions) == 2 && alert.combiner == "AND"])
    error_message = "Each promise has a fast and a slow burn, each over two windows."
  }
  assert {
    condition     = toset(keys(google_monitoring_uptime_check_config.ready)) == toset(["organizations", "agents", "conversations", "database", "analytics", "payments", "knowledge", "rag", "audit"])
    error_message = "Every public function is looked at from outside."
  }
}

run "everything_is_labelled" {
  command = plan

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.domain : function.labels["environment"] == "production"]) && google_sql_database_instance.main.settings[0].user_labels["app"] == "agenthub"
    error_message = "Labels tell whose it is."
  }
  assert {
    condition     = alltrue([for service in google_project_service.api : service.disable_on_destroy == false]) && contains(keys(google_project_service.api), "sqladmin.googleapis.com") && !contains(keys(google_project_service.api), "servicenetworking.googleapis.com")
    error_message = "The APIs that are needed are switched on here, and never off."
  }
}

run "later_runs_need_no_secret_values" {
  command = plan
  variables {
    secret_values = {}
  }

  assert {
    condition     = google_sql_user.schema.password_wo_version == 1 && google_secret_manager_secret_version.secret["admin-key"].secret_data_wo_version == "1"
    error_message = "A plan without values is a plan: what was sent stays."
  }
}
