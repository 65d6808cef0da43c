"""Parameters for comparing the ways to deploy: together they give every parameter a value other than its default."""

from __future__ import annotations

SETS: dict[str, dict[str, str]] = {
    "defaults": {},
    "function-url": {"Endpoint": "function-url", "CorsOrigins": "https://a.example,https://b.example"},
    "function-url-iam": {"Endpoint": "function-url", "Access": "iam", "Mcp": "off"},
    "http-api-iam": {"Access": "iam", "ThrottleRate": "7", "ThrottleBurst": "9"},
    "api-key": {
        "Access": "api-key",
        "ApiKey": "a-key-without-a-name",
        "ApiKeys": "web=0123456789,app=abcdefghij",
        "MaxResponseBytes": "1000000",
        "CacheControl": "public, max-age=60",
    },
    "jwt": {
        "Access": "jwt",
        "JwtIssuer": "https://issuer.example/pool",
        "JwtAudience": "client-1,client-2",
        "CorsOrigins": "https://a.example",
    },
    "artifact-on-s3": {
        "ArtifactUri": "s3://my.bucket/search/v1",
        "RefreshSeconds": "30",
        "EphemeralStorage": "1024",
        "Timeout": "29",
        "MemorySize": "3008",
        "ProvisionedConcurrency": "2",
        "ReservedConcurrency": "20",
    },
    "artifact-of-another-account": {
        "ArtifactUri": "s3://bucket",
        "ArtifactBucketOwner": "111122223333",
        "Runtime": "python3.12",
        "Architecture": "arm64",
    },
    "a-pointer-and-indexes": {
        "ArtifactUri": "s3://bucket/search/current",
        "Indexes": "news=s3://bucket/news/current,faq=s3://my.bucket/faq/v1",
        "IndexArns": "arn:aws:s3:::bucket/news/*,arn:aws:s3:::my.bucket/faq/v1/*",
    },
    "indexes-alone": {
        "Indexes": "news=s3://bucket/news",
        "IndexArns": "arn:aws:s3:::bucket/news/*",
    },
    "database": {
        "IndexUri": "postgresql://reader@db.example.org:5432/search",
        "IndexName": "news",
        "IndexAuth": "iam",
        "IndexDatabaseUser": "db-ABCDEFGHIJKL01234/reader",
        "VpcSubnetIds": "subnet-0a1b2c3d,subnet-4e5f6a7b",
        "VpcSecurityGroupIds": "sg-8c9d0e1f",
    },
    "snapstart": {"SnapStart": "on", "LogLevel": "DEBUG", "LogRetentionDays": "90"},
    "watched": {
        "AlarmTopicArn": "arn:aws:sns:eu-west-1:111122223333:alarms",
        "AlarmDurationMs": "1500",
        "DeploymentType": "Canary10Percent5Minutes",
        "Tracing": "on",
        "WarmEveryMinutes": "5",
        "Metrics": "emf",
        "Dashboard": "on",
        "AlarmIndexAgeSeconds": "86400",
    },
    "measured": {"Metrics": "emf", "LogRequests": "off"},
    "analysed": {"Analytics": "on", "AnalyticsSalt": "0123456789abcdef", "GoodScore": "0.45"},
}
