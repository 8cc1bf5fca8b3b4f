# The jobs, when domains.tf says. A run that fails answers 5xx and is tried again; one that is under way already answers 202.

resource "google_cloud_scheduler_job" "job" {
  for_each = local.jobs

  name             = "${local.name}-${each.key}"
  description      = "POST /jobs/${each.key}"
  region           = var.region
  schedule         = each.value.cron
  time_zone        = "Etc/UTC"
  attempt_deadline = "${each.value.deadline}s"

  retry_config {
    retry_count          = 3
    min_backoff_duration = "10s"
    max_backoff_duration = "300s"
    max_doublings        = 4
  }

  http_target {
    http_method = "POST"
    uri         = "${local.urls.jobs}/${each.key}"

    oidc_token {
      service_account_email = local.accounts.scheduler
      audience              = local.urls.jobs
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_binding.invoker]
}
