# Metrics counted from the log: what the functions say of themselves (shared/observe/log.ts), and Cloud SQL's backups.

locals {
  from_functions = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^${local.name}-\""
  backups        = "resource.type=\"cloudsql_database\" AND protoPayload.methodName=\"cloudsql.instances.automatedBackup\""

  # name -> which lines count, and the label that tells them apart
  log_metrics = {
    backups        = { filter = "${local.backups} AND severity<ERROR", label = null, field = null }
    failed_backups = { filter = "${local.backups} AND severity>=ERROR", label = null, field = null }
    failed_jobs    = { filter = "${local.from_functions} AND jsonPayload.message=\"a job failed\"", label = "job", field = "jsonPayload.job" }
    unserved       = { filter = "${local.from_functions} AND jsonPayload.message=\"a request was not served\"", label = "route", field = "jsonPayload.route" }
    slow_queries   = { filter = "${local.from_functions} AND jsonPayload.message=\"slow query\"", label = "statement", field = "jsonPayload.statement" }
    mismatches     = { filter = "${local.from_functions} AND jsonPayload.message=\"memory and PostgreSQL answered differently\"", label = "collection", field = "jsonPayload.collection" }
    fallbacks      = { filter = "${local.from_functions} AND jsonPayload.message=\"memory answered for PostgreSQL\"", label = "collection", field = "jsonPayload.collection" }
  }
}

resource "google_logging_metric" "count" {
  for_each = local.log_metrics

  name             = "${local.name}_${each.key}"
  filter           = each.value.filter
  label_extractors = each.value.label == null ? null : { (each.value.label) = "EXTRACT(${each.value.field})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"

    dynamic "labels" {
      for_each = each.value.label == null ? [] : [each.value.label]
      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }

  depends_on = [google_project_service.api]
}
