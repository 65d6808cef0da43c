# Made from template.yaml by `make parameters`, which would overwrite changes here.

variable "runtime" {
  type        = string
  default     = "python3.13"
  nullable    = false
  description = "The Python of the function and of the runtime layer's compiled packages."

  validation {
    condition     = contains(["python3.12", "python3.13", "python3.14"], var.runtime)
    error_message = "runtime is one of python3.12, python3.13, python3.14."
  }
}

variable "architecture" {
  type        = string
  default     = "x86_64"
  nullable    = false
  description = "arm64 costs 20 percent less per millisecond."

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is one of x86_64, arm64."
  }
}

variable "memory_size" {
  type        = number
  default     = 1769
  nullable    = false
  description = "In MB. CPU grows with memory, and 1769 is one vCPU; a query waits mostly for CPU."

  validation {
    condition     = floor(var.memory_size) == var.memory_size && var.memory_size >= 512 && var.memory_size <= 10240
    error_message = "memory_size is a whole number, at least 512 and at most 10240."
  }
}

variable "ephemeral_storage" {
  type        = number
  default     = 512
  nullable    = false
  description = "The size of /tmp in MB; more than 512 costs extra. It must hold the artifact that ArtifactUri names, twice where that is a pointer."

  validation {
    condition     = floor(var.ephemeral_storage) == var.ephemeral_storage && var.ephemeral_storage >= 512 && var.ephemeral_storage <= 10240
    error_message = "ephemeral_storage is a whole number, at least 512 and at most 10240."
  }
}

variable "timeout" {
  type        = number
  default     = 10
  nullable    = false
  description = "In seconds; an HTTP API waits 30 at most."

  validation {
    condition     = floor(var.timeout) == var.timeout && var.timeout >= 1 && var.timeout <= 29
    error_message = "timeout is a whole number, at least 1 and at most 29."
  }
}

variable "reserved_concurrency" {
  type        = number
  default     = -1
  nullable    = false
  description = "The most environments at once, which limits the bill too; with -1 only the account's limit counts."

  validation {
    condition     = floor(var.reserved_concurrency) == var.reserved_concurrency && var.reserved_concurrency >= -1
    error_message = "reserved_concurrency is a whole number, at least -1."
  }
}

variable "provisioned_concurrency" {
  type        = number
  default     = 0
  nullable    = false
  description = "Environments kept warm and paid for around the clock; 0 is none."

  validation {
    condition     = floor(var.provisioned_concurrency) == var.provisioned_concurrency && var.provisioned_concurrency >= 0
    error_message = "provisioned_concurrency is a whole number, at least 0."
  }
}

variable "snap_start" {
  type        = string
  default     = "off"
  nullable    = false
  description = "With on, functions start from a snapshot. For Python each published version costs by the hour, and each restore costs."

  validation {
    condition     = contains(["off", "on"], var.snap_start)
    error_message = "snap_start is one of off, on."
  }

  validation {
    condition     = var.snap_start != "on" || var.provisioned_concurrency == 0
    error_message = "SnapStart=on and ProvisionedConcurrency exclude each other on Lambda."
  }

  validation {
    condition     = var.snap_start != "on" || var.ephemeral_storage == 512
    error_message = "SnapStart=on needs EphemeralStorage=512, Lambda takes no snapshot of more."
  }
}

variable "artifact_uri" {
  type        = string
  default     = ""
  nullable    = false
  description = "The address of an artifact on S3, or of the pointer `current` that `seeklet release` moves; each cold start fetches it. Empty means the model layer."

  validation {
    condition     = can(regex("^(?:^$|^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*$)$", var.artifact_uri))
    error_message = "artifact_uri must be s3://bucket or s3://bucket/prefix, without a slash at its end."
  }
}

variable "refresh_seconds" {
  type        = number
  default     = 60
  nullable    = false
  description = "A new release is looked for after so many seconds, where ArtifactUri or Indexes has a pointer, or IndexUri is set; with 0 never."

  validation {
    condition     = floor(var.refresh_seconds) == var.refresh_seconds && var.refresh_seconds >= 0 && var.refresh_seconds <= 86400
    error_message = "refresh_seconds is a whole number, at least 0 and at most 86400."
  }
}

variable "indexes" {
  type        = string
  default     = ""
  nullable    = false
  description = "More artifacts or pointers, each served below the path of its name. Without ArtifactUri there is no model layer then, and the first one is the default."

  validation {
    condition     = can(regex("^(?:^([a-z0-9][a-z0-9-]{0,62}=s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*(,[a-z0-9][a-z0-9-]{0,62}=s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*)*)?$)$", var.indexes))
    error_message = "indexes must be name=s3://bucket/prefix with commas between them and no spaces, or empty."
  }

  validation {
    condition     = (var.indexes == "") || (var.index_arns != "")
    error_message = "Indexes needs IndexArns: what the function may read of them."
  }
}

variable "index_arns" {
  type        = string
  default     = ""
  nullable    = false
  description = "What the function may read besides ArtifactUri, such as Indexes and older artifacts, as arn:aws:s3:::bucket/prefix/* with commas between them."

  validation {
    condition     = can(regex("^(?:^(arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*/\\*(,arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*/\\*)*)?$)$", var.index_arns))
    error_message = "index_arns must be arn:aws:s3:::bucket/prefix/* with commas between them and no spaces, or empty."
  }
}

variable "artifact_bucket_owner" {
  type        = string
  default     = ""
  nullable    = false
  description = "The account that owns ArtifactUri's bucket; a bucket of any other account is refused. Empty means this account."

  validation {
    condition     = can(regex("^(?:^([0-9]{12})?$)$", var.artifact_bucket_owner))
    error_message = "artifact_bucket_owner must be an AWS account's 12 digits, or empty."
  }
}

variable "index_uri" {
  type        = string
  default     = ""
  nullable    = false
  description = "A PostgreSQL database that has the corpus."
  sensitive   = true

  validation {
    condition     = can(regex("^(?:^$|^postgres(ql)?://\\S+$)$", var.index_uri))
    error_message = "index_uri must be postgresql://user@host:5432/database, or empty."
  }

  validation {
    condition     = !strcontains(var.index_uri, "{{resolve:")
    error_message = "index_uri must hold the secret itself: only CloudFormation resolves a reference in double braces."
  }

  validation {
    condition     = (var.index_uri == "") || ((var.artifact_uri == "") && (var.indexes == ""))
    error_message = "IndexUri excludes ArtifactUri and Indexes: the function takes its encoder from the model layer, which these leave out."
  }
}

variable "index_name" {
  type        = string
  default     = "seeklet"
  nullable    = false
  description = "The corpus's name in the database."

  validation {
    condition     = can(regex("^(?:^[a-z][a-z0-9_]{0,45}$)$", var.index_name))
    error_message = "index_name must be up to 46 of a-z, 0-9 and _, a letter first."
  }
}

variable "index_auth" {
  type        = string
  default     = "password"
  nullable    = false
  description = "With iam, the function's role makes the password of each connection, and IndexUri has none."

  validation {
    condition     = contains(["password", "iam"], var.index_auth)
    error_message = "index_auth is one of password, iam."
  }

  validation {
    condition     = var.index_auth != "iam" || var.index_database_user != ""
    error_message = "IndexAuth=iam needs IndexDatabaseUser: the role may connect as that user alone."
  }

  validation {
    condition     = var.index_auth != "iam" || var.index_uri != ""
    error_message = "IndexAuth=iam needs IndexUri."
  }
}

variable "index_database_user" {
  type        = string
  default     = ""
  nullable    = false
  description = "For IndexAuth=iam, the database's resource id, a slash, and its user."

  validation {
    condition     = can(regex("^(?:^$|^(db|cluster|prx)-[A-Za-z0-9]+/\\S+$)$", var.index_database_user))
    error_message = "index_database_user must be such as db-ABCDEFGHIJKL01234/seeklet_reader, or empty."
  }
}

variable "vpc_subnet_ids" {
  type        = string
  default     = ""
  nullable    = false
  description = "Private subnets that reach the database. Empty means no VPC."

  validation {
    condition     = can(regex("^(?:^(subnet-[0-9a-f]+(,subnet-[0-9a-f]+)*)?$)$", var.vpc_subnet_ids))
    error_message = "vpc_subnet_ids must be subnets with commas between them and no spaces, or empty."
  }

  validation {
    condition     = ((var.vpc_subnet_ids == "") && (var.vpc_security_group_ids == "")) || ((var.vpc_subnet_ids != "") && (var.vpc_security_group_ids != ""))
    error_message = "VpcSubnetIds and VpcSecurityGroupIds need each other: where the function is, and what the database lets in."
  }
}

variable "vpc_security_group_ids" {
  type        = string
  default     = ""
  nullable    = false
  description = "Security groups that the database lets in, for VpcSubnetIds."

  validation {
    condition     = can(regex("^(?:^(sg-[0-9a-f]+(,sg-[0-9a-f]+)*)?$)$", var.vpc_security_group_ids))
    error_message = "vpc_security_group_ids must be security groups with commas between them and no spaces, or empty."
  }
}

variable "endpoint" {
  type        = string
  default     = "http-api"
  nullable    = false
  description = "A function URL adds no cost, but has neither throttling nor JWT."

  validation {
    condition     = contains(["http-api", "function-url"], var.endpoint)
    error_message = "endpoint is one of http-api, function-url."
  }
}

variable "access" {
  type        = string
  default     = "none"
  nullable    = false
  description = "Who may call. none lets the whole internet call; with api-key the function checks the header x-api-key."

  validation {
    condition     = contains(["none", "iam", "jwt", "api-key"], var.access)
    error_message = "access is one of none, iam, jwt, api-key."
  }

  validation {
    condition     = var.access != "jwt" || var.endpoint == "http-api"
    error_message = "Access=jwt needs Endpoint=http-api: a function URL can't check tokens."
  }

  validation {
    condition     = var.access != "jwt" || var.jwt_issuer != ""
    error_message = "Access=jwt needs JwtIssuer: the https address of the service that signs the tokens."
  }

  validation {
    condition     = var.access != "jwt" || var.jwt_audience != ""
    error_message = "Access=jwt needs JwtAudience: an issuer's tokens for other services would be accepted."
  }

  validation {
    condition     = var.access != "api-key" || (var.api_key != "") || (var.api_keys != "")
    error_message = "Access=api-key needs ApiKey or ApiKeys."
  }
}

variable "api_key" {
  type        = string
  default     = ""
  nullable    = false
  description = "The key for Access=api-key."
  sensitive   = true

  validation {
    condition     = can(regex("^(?:^[!-~]*$)$", var.api_key))
    error_message = "api_key must be ASCII letters, digits and signs without spaces, or empty."
  }

  validation {
    condition     = !strcontains(var.api_key, "{{resolve:")
    error_message = "api_key must hold the secret itself: only CloudFormation resolves a reference in double braces."
  }
}

variable "api_keys" {
  type        = string
  default     = ""
  nullable    = false
  description = "Several keys with names for Access=api-key, as name=key with commas between them, beside ApiKey or instead of it."
  sensitive   = true

  validation {
    condition     = can(regex("^(?:^$|^\\{\\{resolve:\\S+\\}\\}$|^[a-z0-9][a-z0-9-]{0,62}=[!-+\\--~]{8,}( *, *[a-z0-9][a-z0-9-]{0,62}=[!-+\\--~]{8,})*,?$)$", var.api_keys))
    error_message = "api_keys must be name=key with commas between them, names of small letters, digits and hyphens, keys of 8 or more ASCII letters, digits and signs, or empty."
  }

  validation {
    condition     = !strcontains(var.api_keys, "{{resolve:")
    error_message = "api_keys must hold the secret itself: only CloudFormation resolves a reference in double braces."
  }
}

variable "jwt_issuer" {
  type        = string
  default     = ""
  nullable    = false
  description = "For Access=jwt, the issuer's https address, such as a Cognito user pool's."

  validation {
    condition     = can(regex("^(?:^(https://\\S+)?$)$", var.jwt_issuer))
    error_message = "jwt_issuer must be an address that begins with https://, or empty."
  }
}

variable "jwt_audience" {
  type        = string
  default     = ""
  nullable    = false
  description = "For Access=jwt, the accepted client ids; a token for any other audience is refused."

  validation {
    condition     = can(regex("^(?:^([^\\s,]+(,[^\\s,]+)*)?$)$", var.jwt_audience))
    error_message = "jwt_audience must be client ids with commas between them and no spaces, or empty."
  }
}

variable "cors_origins" {
  type        = list(string)
  default     = ["*"]
  nullable    = false
  description = "Browser origins that may call; the endpoint itself answers their preflights, without the function."
}

variable "throttle_rate" {
  type        = number
  default     = 50
  nullable    = false
  description = "Steady requests a second; more are answered with 429."

  validation {
    condition     = floor(var.throttle_rate) == var.throttle_rate && var.throttle_rate >= 1
    error_message = "throttle_rate is a whole number, at least 1."
  }
}

variable "throttle_burst" {
  type        = number
  default     = 100
  nullable    = false
  description = "Requests at one moment."

  validation {
    condition     = floor(var.throttle_burst) == var.throttle_burst && var.throttle_burst >= 1
    error_message = "throttle_burst is a whole number, at least 1."
  }
}

variable "max_response_bytes" {
  type        = number
  default     = 6000000
  nullable    = false
  description = "The largest response body. Lambda allows 6 MB, an Application Load Balancer before the alias 1000000 bytes."

  validation {
    condition     = floor(var.max_response_bytes) == var.max_response_bytes && var.max_response_bytes >= 1000 && var.max_response_bytes <= 6000000
    error_message = "max_response_bytes is a whole number, at least 1000 and at most 6000000."
  }
}

variable "cache_control" {
  type        = string
  default     = "no-cache"
  nullable    = false
  description = "The header Cache-Control of GET /search and of the pages. With no-cache, caches ask each time whether an answer still holds."

  validation {
    condition     = can(regex("^(?:^[!-~]([ -~]{0,198}[!-~])?$)$", var.cache_control))
    error_message = "cache_control must be 1 to 200 ASCII letters, digits and signs, with spaces only between them."
  }
}

variable "mcp" {
  type        = string
  default     = "on"
  nullable    = false
  description = "With on, agents may call POST /mcp, the Model Context Protocol."

  validation {
    condition     = contains(["off", "on"], var.mcp)
    error_message = "mcp is one of off, on."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 14
  nullable    = false
  description = "How long logs are kept, which costs by the month."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "log_retention_days is one of 1, 3, 5, 7, 14, 30, 60, 90, 180, 365."
  }
}

variable "log_level" {
  type        = string
  default     = "INFO"
  nullable    = false
  description = "The level of the function's own log lines."

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "log_level is one of DEBUG, INFO, WARN, ERROR."
  }
}

variable "log_requests" {
  type        = string
  default     = "on"
  nullable    = false
  description = "With on, each request is a line in the log, without its query."

  validation {
    condition     = contains(["off", "on"], var.log_requests)
    error_message = "log_requests is one of off, on."
  }
}

variable "metrics" {
  type        = string
  default     = "off"
  nullable    = false
  description = "With emf, CloudWatch makes metrics of the requests' lines, and two alarms watch them. Each metric costs by the month."

  validation {
    condition     = contains(["off", "emf"], var.metrics)
    error_message = "metrics is one of off, emf."
  }

  validation {
    condition     = var.metrics != "emf" || (var.log_level == "INFO") || (var.log_level == "DEBUG")
    error_message = "Metrics=emf needs LogLevel=INFO or DEBUG: Lambda drops the lines that metrics are made of."
  }
}

variable "dashboard" {
  type        = string
  default     = "off"
  nullable    = false
  description = "With on, a dashboard of CloudWatch shows the metrics; it costs by the month."

  validation {
    condition     = contains(["off", "on"], var.dashboard)
    error_message = "dashboard is one of off, on."
  }

  validation {
    condition     = var.dashboard != "on" || var.metrics == "emf"
    error_message = "Dashboard=on needs Metrics=emf."
  }
}

variable "analytics" {
  type        = string
  default     = "off"
  nullable    = false
  description = "With on, the log has a line for each query with its text. LogRetentionDays says how long it is kept."

  validation {
    condition     = contains(["off", "on"], var.analytics)
    error_message = "analytics is one of off, on."
  }

  validation {
    condition     = var.analytics != "on" || var.analytics_salt != ""
    error_message = "Analytics=on needs AnalyticsSalt: who asked is hashed with it."
  }

  validation {
    condition     = var.analytics != "on" || (var.log_level == "INFO") || (var.log_level == "DEBUG")
    error_message = "Analytics=on needs LogLevel=INFO or DEBUG: Lambda drops the queries' lines."
  }
}

variable "analytics_salt" {
  type        = string
  default     = ""
  nullable    = false
  description = "A secret of 16 or more characters for Analytics=on; who asked is hashed with it."
  sensitive   = true

  validation {
    condition     = can(regex("^(?:^$|^.{16,}$)$", var.analytics_salt))
    error_message = "analytics_salt must be 16 or more characters, or empty."
  }

  validation {
    condition     = !strcontains(var.analytics_salt, "{{resolve:")
    error_message = "analytics_salt must hold the secret itself: only CloudFormation resolves a reference in double braces."
  }
}

variable "good_score" {
  type        = string
  default     = "0.3"
  nullable    = false
  description = "Analytics marks queries whose best result has a lower score."

  validation {
    condition     = can(regex("^(?:^(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)$)$", var.good_score))
    error_message = "good_score must be a number from 0 to 1."
  }
}

variable "tracing" {
  type        = string
  default     = "off"
  nullable    = false
  description = "With on, X-Ray traces the function."

  validation {
    condition     = contains(["off", "on"], var.tracing)
    error_message = "tracing is one of off, on."
  }
}

variable "alarm_topic_arn" {
  type        = string
  default     = ""
  nullable    = false
  description = "An SNS topic that gets the alarms; without one they are only shown, and roll deployments back."
}

variable "alarm_duration_ms" {
  type        = number
  default     = 2000
  nullable    = false
  description = "The p99 duration, in ms, above which an alarm is raised; cold starts count too."
}

variable "alarm_index_age_seconds" {
  type        = number
  default     = 0
  nullable    = false
  description = "The age of a pointer's release, in seconds, above which an alarm is raised; 0 is none. It needs Metrics=emf."

  validation {
    condition     = floor(var.alarm_index_age_seconds) == var.alarm_index_age_seconds && var.alarm_index_age_seconds >= 0
    error_message = "alarm_index_age_seconds is a whole number, at least 0."
  }

  validation {
    condition     = (var.alarm_index_age_seconds == 0) || (var.metrics == "emf")
    error_message = "AlarmIndexAgeSeconds needs Metrics=emf."
  }
}

variable "deployment_type" {
  type        = string
  default     = "AllAtOnce"
  nullable    = false
  description = "How the alias moves to a new version; an alarm during that time moves it back."

  validation {
    condition     = contains(["AllAtOnce", "Canary10Percent5Minutes", "Canary10Percent15Minutes", "Linear10PercentEvery1Minute"], var.deployment_type)
    error_message = "deployment_type is one of AllAtOnce, Canary10Percent5Minutes, Canary10Percent15Minutes, Linear10PercentEvery1Minute."
  }
}

variable "warm_every_minutes" {
  type        = number
  default     = 0
  nullable    = false
  description = "How often, in minutes, EventBridge sends a ping that keeps one environment warm; 0 is never."

  validation {
    condition     = contains([0, 2, 5, 10, 15], var.warm_every_minutes)
    error_message = "warm_every_minutes is one of 0, 2, 5, 10, 15."
  }
}
