"""From thickness to film: attenuation, exposure, processing."""
