# Optional: one HTTPS address for all public functions, a path a domain, with Cloud Armor in front. About 24 dollars a month.

locals {
  balanced = var.domain_name != null
  behind   = { for name, function in local.functions : name => function if local.balanced && function.public }
  # Where each is behind the address: the gateway is what the address itself leads to.
  paths = { for name, _ in local.functions : name => name == "gateway" ? "" : "/${name}" }
}

resource "google_compute_region_network_endpoint_group" "function" {
  for_each = local.behind

  name                  = "${local.name}-${each.key}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloudfunctions2_function.domain[each.key].name
  }
}

resource "google_compute_backend_service" "function" {
  for_each = local.behind

  name                  = "${local.name}-${each.key}"
  protocol              = "HTTPS"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  security_policy       = google_compute_security_policy.edge[0].id

  backend {
    group = google_compute_region_network_endpoint_group.function[each.key].id
  }

  log_config {
    enable      = true
    sample_rate = 0.1
  }
}

resource "google_compute_security_policy" "edge" {
  count = local.balanced ? 1 : 0

  name        = local.name
  description = "Bounds what one address may ask; the functions bound what a key may."
  depends_on  = [google_project_service.api]

  rule {
    action      = "rate_based_ban"
    priority    = 1000
    description = "1,200 requests a minute an address"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action   = "allow"
      exceed_action    = "deny(429)"
      enforce_on_key   = "IP"
      ban_duration_sec = 60
      rate_limit_threshold {
        count        = 1200
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "deny(403)"
    priority    = 500
    description = "CVE-2021-44228 and its like"
    match {
      expr {
        expression = "evaluatePreconfiguredWaf('cve-canary')"
      }
    }
  }

  rule {
    action      = "allow"
    priority    = 2147483647
    description = "the rest"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_url_map" "edge" {
  count = local.balanced ? 1 : 0

  name            = local.name
  default_service = google_compute_backend_service.function[var.gateway ? "gateway" : "organizations"].id

  host_rule {
    hosts        = [var.domain_name]
    path_matcher = "domains"
  }

  path_matcher {
    name            = "domains"
    default_service = google_compute_backend_service.function[var.gateway ? "gateway" : "organizations"].id

    dynamic "path_rule" {
      for_each = { for name, _ in local.behind : name => name if name != "gateway" }
      content {
        paths   = [local.paths[path_rule.key], "${local.paths[path_rule.key]}/*"]
        service = google_compute_backend_service.function[path_rule.key].id
      }
    }
  }
}

resource "google_compute_managed_ssl_certificate" "edge" {
  count = local.balanced ? 1 : 0

  name       = local.name
  depends_on = [google_project_service.api]
  managed {
    domains = [var.domain_name]
  }
}

resource "google_compute_target_https_proxy" "edge" {
  count = local.balanced ? 1 : 0

  name             = local.name
  url_map          = google_compute_url_map.edge[0].id
  ssl_certificates = [google_compute_managed_ssl_certificate.edge[0].id]
}

resource "google_compute_global_address" "edge" {
  count = local.balanced ? 1 : 0

  name       = "${local.name}-edge"
  depends_on = [google_project_service.api]
}

resource "google_compute_global_forwarding_rule" "edge" {
  count = local.balanced ? 1 : 0

  name                  = local.name
  load_balancing_scheme = "EXTERNAL_MANAGED"
  target                = google_compute_target_https_proxy.edge[0].id
  ip_address            = google_compute_global_address.edge[0].id
  port_range            = "443"
}
