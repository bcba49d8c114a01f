"""What boards do now, asked over the network: their logs, figures and traces."""
