# Who logs in to the database: each function as its own service account, without a password; its rights are granted by the function
# `schema` (local.logins). That one alone has a password, because only such a user may make roles and extensions.

resource "google_sql_user" "function" {
  for_each = { for name, function in local.functions : name => function if name != "schema" }

  instance        = google_sql_database_instance.main.name
  name            = "${google_service_account.function[each.key].account_id}@${var.project}.iam"
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  deletion_policy = "ABANDON" # a user that owns or was granted something cannot be dropped
}

# Its password is sent when the user is made and when the version rises, and never else, but the provider wants some value at every plan.
# The one that stands in is against the instance's password policy: a version raised without its value is refused.
resource "google_sql_user" "schema" {
  instance            = google_sql_database_instance.main.name
  name                = "${local.name}-schema"
  type                = "BUILT_IN"
  password_wo         = lookup(var.secret_values, "schema-password", "unchanged")
  password_wo_version = var.secret_versions["schema-password"]
  deletion_policy     = "ABANDON"
}

locals {
  # login=role+role,...: what `schema` grants after the migrations
  logins = join(",", [for name, user in google_sql_user.function :
    "${user.name}=${join("+", local.functions[name].roles)}"
  ])
}
