"""What CloudWatch does on AWS and the emulator does not: metrics from log lines and services, and judged alarms."""
