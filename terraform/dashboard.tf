# One page: what is asked, how long it takes, what fails, and how the database fares.

locals {
  charts = concat([
    { title = "Requests a second, by function", query = "sum by (service_name) (rate(run_googleapis_com:request_count{${local.ours}}[5m]))" },
    { title = "Answers 5xx a second, by function", query = "sum by (service_name) (rate(run_googleapis_com:request_count{${local.ours},response_code_class=\"5xx\"}[5m]))" },
    { title = "Latency p95, ms, by function", query = "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:request_latencies_bucket{${local.ours}}[5m])))" },
    { title = "Instances, by function", query = "sum by (service_name) (run_googleapis_com:container_instance_count{${local.ours}})" },
    { title = "Connections of ${local.tier.connections}", query = "sum(${local.sql}_postgresql_num_backends{${local.this_database}})" },
    { title = "CPU and memory of the database", query = "label_replace(${local.sql}_cpu_utilization{${local.this_database}}, \"of\", \"cpu\", \"\", \"\") or label_replace(${local.sql}_memory_utilization{${local.this_database}}, \"of\", \"memory\", \"\", \"\")" },
    { title = "Disk, GB of ${var.disk_limit_gb}", query = "${local.sql}_disk_bytes_used{${local.this_database}} / 1024 / 1024 / 1024" },
    { title = "Query latency p95, ms", query = "histogram_quantile(0.95, sum by (le) (rate(cloudsql_googleapis_com:database_postgresql_insights_aggregate_latencies_bucket{resource_id=\"${var.project}:${local.serving}\"}[5m]))) / 1000" },
    { title = "Slow queries, by statement", query = "sum by (statement) (increase(${local.logged}_slow_queries{monitored_resource=\"cloud_run_revision\"}[10m]))" },
    { title = "Failed runs, by job", query = "sum by (job) (increase(${local.logged}_failed_jobs{monitored_resource=\"cloud_run_revision\"}[1h]))" },
    { title = "Memory against PostgreSQL: mismatches, by collection", query = "sum by (collection) (increase(${local.logged}_mismatches{monitored_resource=\"cloud_run_revision\"}[10m]))" },
    { title = "Transaction ids used", query = "max(${local.sql}_postgresql_transaction_id_utilization{${local.this_database}})" },
  ], var.telemetry ? local.measured : [])

  # What the functions measure of themselves (shared/observe/metrics.ts); `job` is the function. A counter's name may get Prometheus's
  # ending on its way.
  measured = [
    { title = "Requests that wait for a connection, by function", query = "sum by (job) (db_pool_waiting)" },
    { title = "Statement time p95, ms, the ten slowest", query = "topk(10, histogram_quantile(0.95, sum by (le, statement) (rate(db_query_duration_seconds_bucket[10m])))) * 1000" },
    { title = "Cache: looks a second, by what was found where", query = "sum by (cache, tier, outcome) (rate(cache_looks[10m]) or rate(cache_looks_total[10m]))" },
  ]
}

resource "google_monitoring_dashboard" "main" {
  dashboard_json = jsonencode({
    displayName = "AgentHub ${var.environment}"
    mosaicLayout = {
      columns = 48
      tiles = [for index, chart in local.charts : {
        xPos = index % 2 * 24, yPos = floor(index / 2) * 16, width = 24, height = 16
        widget = {
          title = chart.title
          xyChart = {
            dataSets = [{ plotType = "LINE", targetAxis = "Y1", timeSeriesQuery = { prometheusQuery = chart.query } }]
          }
        }
      }]
    }
  })

  depends_on = [google_logging_metric.count]
}
