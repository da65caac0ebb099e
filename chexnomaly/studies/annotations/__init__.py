"""What annotation tables tell without a pixel."""
