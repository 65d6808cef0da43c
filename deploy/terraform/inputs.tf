# What the module takes beside template.yaml's parameters.

variable "name" {
  type        = string
  nullable    = false
  description = "Stands in the names of the function, its role, layers, log group, API and alarms."

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,39}$", var.name))
    error_message = "name must begin with a letter and have at most 40 letters, digits and hyphens."
  }
}

variable "archives" {
  type        = string
  nullable    = false
  description = "The folder of archives that `make archives` writes: SearchFunction.zip, RuntimeLayer.zip and ModelLayer.zip."
}

variable "upload_bucket" {
  type        = string
  default     = ""
  nullable    = false
  description = "An S3 bucket of the same region that the archives are uploaded to. Empty uploads them to Lambda itself, which takes 50 MB for each."
}
