# What cloudbuild.yaml may do, as the account `release`: make and change all that is here. It can grant roles, so that whoever may
# start a build of it is an administrator of this project: keep that list short.

locals {
  release_roles = toset(concat([
    "roles/artifactregistry.reader",
    "roles/cloudbuild.builds.builder",
    "roles/cloudfunctions.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudsql.admin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountUser",
    "roles/logging.admin",
    "roles/monitoring.admin",
    "roles/pubsub.admin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/run.admin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
    ],
    local.private || local.balanced ? ["roles/compute.networkAdmin"] : [],
    local.private ? ["roles/servicenetworking.networksAdmin"] : [],
    local.balanced ? ["roles/compute.loadBalancerAdmin", "roles/compute.securityAdmin"] : [],
  ))
}

resource "google_service_account" "release" {
  account_id   = "${local.name}-release"
  display_name = "AgentHub release"
  depends_on   = [google_project_service.api]
}

resource "google_project_iam_member" "release" {
  for_each = local.release_roles

  project = var.project
  role    = each.value
  member  = google_service_account.release.member
}

resource "google_billing_account_iam_member" "release" {
  billing_account_id = var.billing_account
  role               = "roles/billing.costsManager" # the budget is the billing account's
  member             = google_service_account.release.member
}

# Who asks the function `schema` to migrate: an account that may do nothing else. A release acts as it, and so does an operator who
# begins a project by hand.
resource "google_service_account" "migrator" {
  account_id   = "${local.name}-migrator"
  display_name = "AgentHub migrator"
  depends_on   = [google_project_service.api]
}

resource "google_service_account_iam_member" "migrator" {
  for_each = setunion(["serviceAccount:${local.accounts.release}"], var.operators)

  service_account_id = google_service_account.migrator.name
  role               = "roles/iam.serviceAccountTokenCreator" # gcloud takes an access token first, then the ID token
  member             = each.value
  depends_on         = [google_service_account.release]
}
