# The APIs that all else needs. They stay on when this is destroyed: something else in the project may use them.

resource "google_project_service" "api" {
  for_each = toset(concat([
    "artifactregistry.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudbilling.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "cloudtrace.googleapis.com",
    "compute.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
    ],
    local.private ? ["servicenetworking.googleapis.com"] : [],
    var.telemetry ? ["telemetry.googleapis.com"] : [],
    local.embeds_with_vertex ? ["aiplatform.googleapis.com"] : [],
  ))

  service            = each.value
  disable_on_destroy = false
}
