# What is promised, and how fast the promise is being used up; and whether the world reaches the functions at all.

locals {
  requests = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" resource.labels.service_name=starts_with(\"${local.name}-\")"

  # Multi-window burn rates: both windows must burn. 14.4 uses up 2 % of 28 days within an hour, 6 uses up 5 % within six.
  burn_rates = { for pair in setproduct(["availability", "latency"], ["fast", "slow"]) : join("_", pair) => merge(
    { slo = pair[0] },
    pair[1] == "fast" ? { windows = ["3600s", "300s"], rate = 14.4, severity = "CRITICAL" } : { windows = ["21600s", "1800s"], rate = 6, severity = "WARNING" },
  ) }
}

resource "google_monitoring_custom_service" "functions" {
  service_id   = local.name
  display_name = "AgentHub"
  depends_on   = [google_project_service.api]
}

resource "google_monitoring_slo" "availability" {
  service             = google_monitoring_custom_service.functions.service_id
  slo_id              = "availability"
  display_name        = "99.9 % of requests are served"
  goal                = 0.999
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      total_service_filter = local.requests
      bad_service_filter   = "${local.requests} metric.labels.response_code_class=\"5xx\""
    }
  }
}

resource "google_monitoring_slo" "latency" {
  service             = google_monitoring_custom_service.functions.service_id
  slo_id              = "latency"
  display_name        = "95 % of requests are answered within 100 ms"
  goal                = 0.95
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = replace(local.requests, "request_count", "request_latencies")
      range {
        max = 100 # ms
      }
    }
  }
}

locals {
  slos = { availability = google_monitoring_slo.availability.name, latency = google_monitoring_slo.latency.name }
}

resource "google_monitoring_alert_policy" "burn_rate" {
  for_each = local.burn_rates

  display_name          = "${local.name} ${replace(each.key, "_", ", ")} burn"
  combiner              = "AND"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  user_labels           = local.labels

  dynamic "conditions" {
    for_each = each.value.windows
    content {
      display_name = "${each.value.slo} over ${conditions.value}"
      condition_threshold {
        filter          = "select_slo_burn_rate(\"${local.slos[each.value.slo]}\", \"${conditions.value}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
      }
    }
  }

  documentation {
    subject   = "AgentHub ${var.environment}: the ${each.value.slo} promised is being used up"
    mime_type = "text/markdown"
    content   = "At this rate the 28 days' share of bad requests is gone ${each.value.rate > 10 ? "within two days" : "within five days"}. Which function: the dashboard, errors and latency by service. Began with a release: back to the revision before (README, releases). Else: the alerts of the database."
  }
}

resource "google_monitoring_uptime_check_config" "ready" {
  for_each = { for name, function in local.functions : name => function if function.public }

  display_name = "${local.name}-${each.key}"
  timeout      = "10s"
  period       = "900s" # each asks the database: often enough to notice, seldom enough to cost nothing
  user_labels  = local.labels

  http_check {
    path         = local.balanced ? "${local.paths[each.key]}/health/ready" : "/${local.name}-${each.key}/health/ready"
    port         = 443
    use_ssl      = true
    validate_ssl = true
    accepted_response_status_codes {
      status_class = "STATUS_CLASS_2XX"
    }
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = local.balanced ? var.domain_name : "${var.region}-${var.project}.cloudfunctions.net"
    }
  }

  content_matchers {
    content = "ok"
    matcher = "CONTAINS_STRING"
  }

  depends_on = [google_project_service.api]
}
