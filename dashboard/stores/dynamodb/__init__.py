"""Jobs in a DynamoDB table, with large results in S3."""
