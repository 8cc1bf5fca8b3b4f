# What wakes somebody, each with what to do about it. Conditions are PromQL over Cloud Monitoring's own metrics and those of logs.tf.

locals {
  this_database = "database_id=\"${var.project}:${local.serving}\""
  ours          = "service_name=~\"${local.name}-.*\""
  logged        = "logging_googleapis_com:user_${local.name}"
  sql           = "cloudsql_googleapis_com:database"

  alerts = {
    database_down = {
      severity = "CRITICAL", for = "120s", query = "max(${local.sql}_up{${local.this_database}}) < 1"
      runbook  = "The database does not answer. Look at the instance's operations (gcloud sql operations list). An outage of the zone: REGIONAL fails over by itself, ZONAL waits, or is restored elsewhere (README, restoring). Reads and writes answer 503 meanwhile; nothing acknowledged is lost."
    }
    cpu = {
      severity = "WARNING", for = "900s", query = "max(${local.sql}_cpu_utilization{${local.this_database}}) > 0.8"
      runbook  = "Above 80 % for 15 minutes. Query Insights, sorted by load: each query names its route. Nothing stands out: the next tier of tiers.tf (a restart of about a minute)."
    }
    memory = {
      severity = "WARNING", for = "900s", query = "max(${local.sql}_memory_utilization{${local.this_database}}) > 0.9"
      runbook  = "Above 90 % for 15 minutes. Fewer connections (pools in domains.tf), or the next tier. At 100 % PostgreSQL is restarted by the system."
    }
    disk = {
      severity = "ERROR", for = "300s", query = "max(${local.sql}_disk_bytes_used{${local.this_database}}) > 0.8 * ${var.disk_limit_gb} * 1024 * 1024 * 1024"
      runbook  = "80 % of the limit that the disk may grow to (disk_limit_gb). Raise it, or find what grows: pg_total_relation_size by table; EVENT_RETENTION_MONTHS bounds the events. A full disk stops all writes."
    }
    connections = {
      severity = "ERROR", for = "300s", query = "sum(${local.sql}_postgresql_num_backends{${local.this_database}}) > 0.8 * ${local.tier.connections}"
      runbook  = "80 % of the tier's connections. The functions alone stay below (terraform_data.connections): look who else is in (pg_stat_activity by application_name), and whether two revisions serve at once. Then the next tier."
    }
    deadlocks = {
      severity = "WARNING", for = "0s", query = "sum(increase(${local.sql}_postgresql_deadlock_count{${local.this_database}}[15m])) > 3"
      runbook  = "More than 3 in 15 minutes. Each was retried; the log of PostgreSQL has both statements, each where it waits (log_lock_waits). Two writers take rows in different order: make it one order."
    }
    transaction_ids = {
      severity = "CRITICAL", for = "600s", query = "max(${local.sql}_postgresql_transaction_id_utilization{${local.this_database}}) > 0.5"
      runbook  = "Half of the transaction ids are used: vacuum does not keep up. Look for the oldest transaction (pg_stat_activity, backend_xmin), forgotten prepared transactions and replication slots; then vacuum (freeze) the oldest tables. At 100 % the database refuses writes."
    }
    log_archive = {
      severity = "ERROR", for = "0s", query = "sum(increase(${local.sql}_replication_log_archive_failure_count{${local.this_database}}[30m])) > 0"
      runbook  = "Write-ahead log could not be archived: point-in-time recovery has a gap from here on. Take a backup now (gcloud sql backups create), then look at the instance's operations; open a case with Google if it goes on."
    }
    backup_failed = {
      severity = "ERROR", for = "0s", query = "sum(increase(${local.logged}_failed_backups{monitored_resource=\"cloudsql_database\"}[1h])) > 0"
      runbook  = "Last night's backup failed. gcloud sql backups list; make one by hand: gcloud sql backups create. Point-in-time recovery still reaches back from the last good one."
    }
    backup_absent = {
      severity = "ERROR", for = "0s", query = "absent_over_time(${local.logged}_backups{monitored_resource=\"cloudsql_database\"}[30h])"
      runbook  = "No backup within 30 hours (they begin at 02:00 UTC, within 4 hours). Are they still on? gcloud sql instances describe; then make one by hand. A new project alerts until its first one."
    }
    slow_queries = {
      severity = "WARNING", for = "600s", query = "histogram_quantile(0.95, sum by (le) (rate(cloudsql_googleapis_com:database_postgresql_insights_aggregate_latencies_bucket{resource_id=\"${var.project}:${local.serving}\"}[10m]))) > 100000"
      runbook  = "The 95th percentile of queries is above 100 ms (the metric counts microseconds). Query Insights names the statement and its route; explain (analyze, buffers) shows why: a missing index, a plan that changed, a lock."
    }
    failed_jobs = {
      severity = "ERROR", for = "0s", query = "sum by (job) (increase(${local.logged}_failed_jobs{monitored_resource=\"cloud_run_revision\"}[1h])) > 3"
      runbook  = "A job failed more than 3 times within an hour, after Scheduler's retries. GET /jobs/runs says why; a job is safe to repeat: POST /jobs/NAME."
    }
    late_jobs = {
      severity = "ERROR", for = "0s", query = "absent_over_time(run_googleapis_com:request_count{service_name=\"${local.name}-jobs\",response_code_class=\"2xx\"}[1h])"
      runbook  = "No job was answered within an hour: partitions, seals and refunds wait. Is Scheduler paused (gcloud scheduler jobs list)? Does its account still have run.invoker? What does the log of agenthub-jobs say?"
    }
    unserved = {
      severity = "ERROR", for = "300s", query = "sum(increase(${local.logged}_unserved{monitored_resource=\"cloud_run_revision\"}[5m])) > 10"
      runbook  = "More than 10 requests in 5 minutes were not served: ours to mend. The log, by jsonPayload.message=\"a request was not served\", has each with its stack, route and trace. After a release: back (README, releases)."
    }
    full_instances = {
      severity = "WARNING", for = "600s", query = "sum by (service_name) (rate(run_googleapis_com:request_count{${local.ours},response_code=\"503\"}[5m])) > 0.5"
      runbook  = "A function refuses requests (503): its queue or its pool is full. More instances (domains.tf) if connections are left, else the next tier."
    }
    migration_mismatches = {
      severity = "ERROR", for = "0s", query = "sum by (collection) (increase(${local.logged}_mismatches{monitored_resource=\"cloud_run_revision\"}[10m])) > 0"
      runbook  = "Memory and PostgreSQL answered differently. Do not take the next step; POST /migration/collections/NAME/verify names the entries. One step back if it grows (README, the move and the way back)."
    }
    migration_fallbacks = {
      severity = "ERROR", for = "0s", query = "sum by (collection) (increase(${local.logged}_fallbacks{monitored_resource=\"cloud_run_revision\"}[10m])) > 0"
      runbook  = "Reads are answered from memory because PostgreSQL failed. Find out why before the next step: rampdown has no fallback."
    }
    unreachable = {
      severity = "CRITICAL", for = "300s", query = "avg by (check_id) (avg_over_time(monitoring_googleapis_com:uptime_check_check_passed{check_id=~\"${local.name}-.*\"}[30m])) < 0.5"
      runbook  = "A function did not answer /health/ready to most of the world in half an hour (each place asks every 15 minutes). Only one: its log, its last revision. All: the database (database_down), the region, or the domain's certificate."
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  type         = "email"
  display_name = each.value
  labels       = { email_address = each.value }
  depends_on   = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.alerts

  display_name          = "${local.name} ${replace(each.key, "_", " ")}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  user_labels           = local.labels

  conditions {
    display_name = replace(each.key, "_", " ")
    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = each.value.for
      evaluation_interval       = "30s"
      disable_metric_validation = true # a metric that nothing has written yet is no error
    }
  }

  documentation {
    subject   = "AgentHub ${var.environment}: ${replace(each.key, "_", " ")}"
    mime_type = "text/markdown"
    content   = each.value.runbook
  }

  alert_strategy {
    auto_close = "1800s"
  }

  depends_on = [google_logging_metric.count]
}
