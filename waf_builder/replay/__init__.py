"""Traffic that was, put to the WAF that is: what would newly be refused, and what newly passes."""
