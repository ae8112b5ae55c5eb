$VerbosePreference = 'Continue'
$name = $MyInvocation.MyCommand.Name
$run = Invoke-Simulator '' (ConvertTo-Sent @{ Cmdlet = $name; Parameters = $PSBoundParameters })
while ($true) {
    foreach ($said in Invoke-Simulator "/$run") {
        switch ($said.Kind) {
            'verbose' { $PSCmdlet.WriteVerbose($said.Text) }
            'warning' { $PSCmdlet.WriteWarning($said.Text) }
            'information' { $PSCmdlet.WriteInformation($said.Text, [string[]] @()) }
            'progress' {
                $record = [System.Management.Automation.ProgressRecord]::new(1, $said.Activity, $said.Status)
                $record.PercentComplete = $said.Percent
                $PSCmdlet.WriteProgress($record)
            }
            'output' { $PSCmdlet.WriteObject((ConvertFrom-Received $said.Value)) }
            'throw' { throw $said.Text }
            { $_ -in 'error', 'end with error' } {
                $exception = ($said.Exception -as [type])::new($said.Text)
                $record = [System.Management.Automation.ErrorRecord]::new($exception, $said.Id, $said.Category, $said.Target)
                if ($said.Kind -eq 'error') { $PSCmdlet.WriteError($record) }
                elseif ($said.Whole) { throw $record }
                else { $PSCmdlet.ThrowTerminatingError($record) }
            }
            'end' { return }
        }
    }
}
